"""Every message that crosses a process boundary, a module per conversation.

work     worker REQ -> producer ROUTER: registering, tasks, changes of settings, farewell
results  worker PUSH -> collector PULL: results; collector DEALER <-> producer ROUTER: what became of frames
truth    within that: what is really in the pictures, and how well what was emitted agrees
control  any REQ -> producer ROUTER: status, telemetry, knobs, start, stop
framing  what all share: header and buffers, the protocol's version, what is refused

Times are int ns of the *producer's* monotonic clock unless a field says otherwise. A producer's *incarnation*
is a random number that it draws when it starts; its episodes count 1, 2, … Tasks, results and all that
producer and collector tell each other name both: what belongs to a producer that has gone, or to another
episode, is refused and counted, never taken for something of this one.
"""

# ruff: noqa: F401, I001
# fmt: off
from pipeline.messages.work import (
    Binding, Change, FIRST_TRIAL, Failure, GetWork, HandOut, Leave, LoadingMode, Register,
    RegistrationConfirmation, TaskHeader, Wait, Weights, Work, WorkLoad, WorkReply, WorkRequest, WorkType,
    decode_work_reply, decode_work_request
)
from pipeline.messages.results import (
    Ack, Confirm, Gap, LinkDown, LinkUp, LossReason, Outcome, Received, Result, ResultPart, Settings,
    Standby, Sync, Verdict, decode_link_down, decode_link_up, decode_results, random_identity
)
from pipeline.messages.truth import DetectionKind, Drawn, Tally, Truth
from pipeline.messages.control import (
    ControlReply, ControlRequest, Done, GetStatus, GetTelemetry, Incidents, NOTHING_WRONG, SetKnobs,
    SourceReport, Start, State, Status, Stop, Telemetry, Totals, WorkerStatus, decode_control_reply,
    decode_control_request
)
from pipeline.messages.framing import (
    Buffer, End, Error, ErrorCode, LABEL_CHARACTERS, MAX_BATCH, MAX_HEADER_BYTES, MAX_STREAMS,
    OtherProtocolError, PROTOCOL_VERSION, ProtocolError, encode
)
