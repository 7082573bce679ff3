"""Power sensors as the kernel shows them, in a tree of files made by hand."""

from pathlib import Path

import pytest

from envs.energy import PowerSource, open_sensor

S = 1_000_000_000


def write(root: Path, files: dict[str, object]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


def zone(root: Path, name: str, label: str, energy_uj: int) -> None:
    place = f"class/powercap/{name}"
    write(
        root,
        {
            f"{place}/name": label,
            f"{place}/energy_uj": energy_uj,
            f"{place}/max_energy_range_uj": 999_999,
        },
    )


def test_a_machine_without_sensors_has_none(tmp_path):
    assert open_sensor(tmp_path) is None


def test_energy_of_all_packages_is_divided_by_the_time_and_counters_begin_again(tmp_path):
    now_ns = 5 * S
    zone(tmp_path, "intel-rapl:0", "package-0", 100_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 900_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 50_000)  # a part of package 0
    zone(tmp_path, "intel-rapl:2", "psys", 300_000)  # of which both are parts
    sensor = open_sensor(tmp_path, lambda: now_ns)
    assert sensor is not None and sensor.source is PowerSource.RAPL
    now_ns += 2 * S
    zone(tmp_path, "intel-rapl:0", "package-0", 400_000)  # 0.3 J
    zone(tmp_path, "intel-rapl:1", "package-1", 100_000)  # 0.2 J, over the top
    assert sensor.read_w() == pytest.approx(0.25)
    now_ns += S
    assert sensor.read_w() == 0.0, "since the last reading"


def test_counters_that_may_not_be_read_are_no_sensor(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    energy = tmp_path / "class/powercap/intel-rapl:0/energy_uj"
    energy.unlink()
    energy.mkdir()  # that fails for whoever reads it, root included
    assert open_sensor(tmp_path) is None


def test_a_jetsons_power_is_that_of_its_input_rail(tmp_path):
    place = "class/hwmon/hwmon3"
    rails = {1: ("VDD_CPU_GPU_CV", 5000, 100), 2: ("VDD_IN", 19_000, 500)}
    for number, (label, millivolts, milliamperes) in rails.items():
        write(
            tmp_path,
            {
                f"{place}/in{number}_label": label,
                f"{place}/in{number}_input": millivolts,
                f"{place}/curr{number}_input": milliamperes,
            },
        )
    sensor = open_sensor(tmp_path)
    assert sensor is not None and sensor.source is PowerSource.INA
    assert sensor.read_w() == pytest.approx(9.5)
