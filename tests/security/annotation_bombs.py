"""Files of boxes, in the JSON of COCO, that ask for much or say two things."""

import json

from cases import SCALE, Case

MANY = 100_000 * SCALE


def cases(base):
    del base

    def boxes(name, content, outcome="refused", memory_mib=160):
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        return Case(f"boxes_{name}", data, outcome, suffix=".json", command="boxes", payload=False, memory_mib=memory_mib)  # fmt: skip

    one = {"file_name": "image.npy", "category_id": 1, "bbox": [1, 1, 20, 20]}
    text = json.dumps(one)[:-1].encode()
    yield boxes("good", [one], "accepted")
    yield boxes("depth_lists", b"[" * (10 * MANY))
    yield boxes("depth_objects", b'{"a":' * (10 * MANY))
    nested = b"[" * (20 * MANY) + b"]" * (20 * MANY)
    yield boxes("depth_beside_lists", b'{"info": ' + nested + b', "annotations": []}')
    yield boxes(
        "depth_in_an_entry", b"[" + text + b', "x": ' + b"[" * MANY + b"]" * MANY + b"}]", ""
    )
    yield boxes("entries_10000", [one] * 10_000, "", memory_mib=250)
    yield boxes(
        "entries_of_others", [one] + [one | {"file_name": f"{i}.png"} for i in range(MANY)], ""
    )
    yield boxes("number_of_many_digits", b"[" + text[:-3] + b"9" * MANY + b"]}]")
    yield boxes("number_1e999", b"[" + text[:-3] + b"1e999]}]")
    yield boxes("number_is_nan", b"[" + text[:-3] + b"NaN]}]")
    yield boxes("bbox_of_many_numbers", [one | {"bbox": [1] * MANY}])
    yield boxes("bbox_of_texts", [one | {"bbox": ["1"] * 4}])
    yield boxes("bbox_far_away", [one | {"bbox": [1e300, 1e300, 1e300, 1e300]}])
    yield boxes("bbox_negative", [one | {"bbox": [-1e5, -1e5, 3e5, 3e5]}], "")
    yield boxes(
        "id_2_64",
        {
            "images": [{"id": 2**64, "file_name": "image.npy"}],
            "annotations": [one | {"image_id": 2**64}],
        },
        "",
    )
    yield boxes("name_of_20_mb", [one, one | {"file_name": "x" * (20 << 20)}], "", memory_mib=250)
    yield boxes("name_is_a_path", [one | {"file_name": "../../../../etc/passwd"}], "")
    yield boxes("name_steers_a_terminal", [one | {"file_name": "\x1b[2J\u202e"}], "")
    yield boxes("key_twice", b"[" + text + b', "bbox": [5, 5, 9, 9]}]', "refused")
    keys = b",".join(b'"k%d":1' % i for i in range(MANY))
    yield boxes("entry_of_many_keys", b"[" + text + b"," + keys + b"}]", "")
    yield boxes("not_utf8", b'["\xff\xfe"]')
    yield boxes("nul", b"[" + text + b"}]\0[]")
    yield boxes("empty", b"")
