#!/usr/bin/env python3
"""How far PyTorch's own bf16 is from float64 on the golden Sapiens2 encoders: writes bf16_pytorch_sapiens2.json beside this file.

    python3 measure_bf16_sapiens2.py        needs timm 1.0.31, safetensors and NumPy

The model is timm's; all of it runs in bfloat16, as model.to(torch.bfloat16) makes it.
"""
import json
import pathlib
from functools import partial

import numpy as np
import timm
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from timm.layers import RmsNorm
from timm.models.eva import Eva, checkpoint_filter_fn

HERE = pathlib.Path(__file__).parent
CASES = ["sapiens2_sq128", "sapiens2_depth18", "sapiens2_head64"]


def build(facts):
    arch, width = facts["arch"], facts["arch"]["embed_dims"]
    return Eva(
        img_size=facts["img_size"], patch_size=16, dynamic_img_size=True, num_classes=0, embed_dim=width,
        depth=arch["num_layers"], num_heads=arch["num_heads"], num_kv_heads=tuple(arch["num_kv_heads"]),
        attn_type="rope", qkv_fused=False, qkv_bias=True, qk_norm=True, global_pool="token", swiglu_mlp=True,
        mlp_ratio=arch["feedforward_channels"] / width, init_values=1.0, attn_only_layer_scale=True,
        rope_type="dinov3", rope_temperature=100, rope_rotate_half=True, use_rot_pos_emb=True, use_abs_pos_emb=False,
        class_token=True, num_reg_tokens=arch["num_registers"], use_fc_norm=False, norm_layer=partial(RmsNorm, eps=1e-6))


def main():
    results = {"torch": torch.__version__, "timm": timm.__version__}
    for case in CASES:
        folder = HERE / case
        facts = json.loads((folder / "case.json").read_text())
        model = build(facts)
        weights = checkpoint_filter_fn(load_file(folder / facts["checkpoint"]), model)
        model.load_state_dict(weights, strict=True)
        image = torch.from_numpy(np.load(folder / "input.npy"))
        run = lambda dtype: model.eval().to(dtype).forward_features(image.to(dtype)).double()
        with torch.inference_mode():
            truth = run(torch.float64)
            model.load_state_dict(weights)
            rounded = run(torch.bfloat16)
        stored = torch.from_numpy(np.load(folder / "raw.npy")).double()
        assert (truth - stored).abs().max() < 2e-5, f"{case}: this is another model"
        cosine = F.cosine_similarity(truth, rounded, dim=-1)
        results[case] = {"rel_l2": float((rounded - truth).norm() / truth.norm()), "worst_token_cosine": float(cosine.min())}
    (HERE / "bf16_pytorch_sapiens2.json").write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
