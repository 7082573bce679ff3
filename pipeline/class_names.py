"""What a detector's class numbers mean."""

from collections.abc import Collection

# Source: COCO 2017 detection, in the order of Ultralytics' coco.yaml.
COCO = (
    *("person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"),
    *("traffic light", "fire hydrant", "stop sign", "parking meter", "bench", "bird", "cat", "dog"),
    *("horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack", "umbrella"),
    *("handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite"),
    *("baseball bat", "baseball glove", "skateboard", "surfboard", "tennis racket", "bottle"),
    *("wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "orange"),
    *("broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant"),
    *("bed", "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone"),
    *("microwave", "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase", "scissors"),
    *("teddy bear", "hair drier", "toothbrush"),
)

# Source: DOTA v1.0, aerial pictures, in the order of Ultralytics' DOTAv1.yaml.
DOTA = (
    *("plane", "ship", "storage tank", "baseball diamond", "tennis court", "basketball court"),
    *("ground track field", "harbor", "bridge", "large vehicle", "small vehicle", "helicopter"),
    *("roundabout", "soccer ball field", "swimming pool"),
)


def class_name(class_id: int, names: tuple[str, ...]) -> str:
    """Return the name of a class, or its number where the table does not have it."""
    return names[class_id] if 0 <= class_id < len(names) else str(class_id)


def class_ids(names: Collection[str]) -> tuple[int, ...]:
    """Return the numbers of COCO's classes. Raises ValueError for a name that is none."""
    if unknown := sorted(set(names) - set(COCO)):
        raise ValueError(f"classes must be COCO's, got {', '.join(unknown)}")
    return tuple(sorted(COCO.index(name) for name in names))
