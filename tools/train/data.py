"""Folders of arrays as `mannequin --layout arrays` writes them, mapped into memory, and what is known of their labels.

    images.npy   u8  [N, H, W, 3]  RGB
    labels.npy     u8  [N, H, W]     goliath class ids, 0 is the background
    depth.npy      f16 or f32 [N, H, W]  camera z, valid where the label is not 0
    normals.npy    i8 (times 127), f16 or f32 [N, H, W, 3]  in camera space
    keypoints.npy  f32 [N, 17, 3]    x, y, visibility (0 unknown, 1 hidden, 2 visible)
    boxes.npy      f32 [N, 4]        x, y, width, height of the person
"""
import pathlib

import numpy as np
import torch

NEEDED = {
    "pretrain": (),
    "pose": ("keypoints", "boxes"),
    "seg": ("labels",),
    "depth": ("labels", "depth"),
    "normal": ("labels", "normals"),
}

KEYPOINTS = ["nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
             "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
             "right_knee", "left_ankle", "right_ankle"]  # fmt: skip
MIRRORED_KEYPOINTS = [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]

CLASSES = ["Background", "Apparel", "Face_Neck", "Hair", "Left_Foot", "Left_Hand", "Left_Lower_Arm", "Left_Lower_Leg",
           "Left_Shoe", "Left_Sock", "Left_Upper_Arm", "Left_Upper_Leg", "Lower_Clothing", "Right_Foot", "Right_Hand",
           "Right_Lower_Arm", "Right_Lower_Leg", "Right_Shoe", "Right_Sock", "Right_Upper_Arm", "Right_Upper_Leg",
           "Torso", "Upper_Clothing", "Lower_Lip", "Upper_Lip", "Lower_Teeth", "Upper_Teeth", "Tongue"]  # fmt: skip
MIRRORED_CLASSES = [
    CLASSES.index(name.replace("Left_", "Right_") if name.startswith("Left_") else name.replace("Right_", "Left_"))
    for name in CLASSES
]

# Per mille of the pixels of each class in images of `mannequin`, and 10 for those it does not draw.
CLASS_SHARES = [768, 6.3, 10.1, 7.4, 0.8, 3.6, 3.8, 3.1, 3.2, 1.0, 2.3, 2.0, 72, 0.8, 3.8, 4.0, 3.1, 3.3, 1.0, 2.4, 2.0,
                2.9, 93, 10, 10, 10, 10, 10]  # fmt: skip


class DataError(Exception):
    pass


def open_array(folder, name, count=None):
    path = folder / f"{name}.npy"
    try:
        array = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from None
    if count is not None and len(array) != count:
        raise DataError(f"{path}: {len(array)} entries, but {count} images")
    return array


class People:
    """The images of several folders and the arrays that a task needs, as one sequence."""

    def __init__(self, folders, task):
        self.names = ("images", *NEEDED[task])
        self.parts = []
        for folder in map(pathlib.Path, folders):
            images = open_array(folder, "images")
            if images.ndim != 4 or images.shape[3] != 3 or images.dtype != np.uint8:
                actual = f"{images.dtype} {images.shape}"
                raise DataError(f"{folder}/images.npy: {actual}, expected uint8 [N, H, W, 3]")
            part = {"images": images}
            part |= {name: open_array(folder, name, len(images)) for name in NEEDED[task]}
            self.parts.append(part)
        self.starts = np.cumsum([0] + [len(part["images"]) for part in self.parts])
        if len(self) == 0:
            raise DataError("no images in " + ", ".join(map(str, folders)))
        sizes = {part["images"].shape[1:3] for part in self.parts}
        if len(sizes) > 1:
            raise DataError(f"images of several sizes: {sorted(sizes)}")
        self.size = sizes.pop()

    def __len__(self):
        return int(self.starts[-1])

    def batch(self, indices):
        """Name -> tensor; images stay bytes, everything else becomes float or, labels, integer."""
        indices = np.sort(np.asarray(indices))  # in the order of the disk
        owner = np.searchsorted(self.starts, indices, side="right") - 1
        batch = {}
        for name in self.names:
            rows = [self.parts[p][name][i - self.starts[p]] for p, i in zip(owner, indices)]
            batch[name] = to_tensor(np.stack(rows), name)
        return batch


def to_tensor(array, name):
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if name in ("images", "labels"):
        return tensor
    if tensor.dtype == torch.int8:
        return tensor.float() / 127
    return tensor.float()


def shuffled(count, batch_size, seed, step):
    """The indices of training step `step`: every epoch is a permutation of its own, so that nothing but the
    number of the step has to be remembered."""
    batch_size = min(batch_size, count)
    per_epoch = count // batch_size
    epoch, place = divmod(step, per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return order[place * batch_size : (place + 1) * batch_size]
