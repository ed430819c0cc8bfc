#!/usr/bin/env python3
"""How far PyTorch's own bf16 is from the float64 truth on the golden encoders: writes bf16_pytorch.json beside this file.

    python3 measure_bf16.py        needs PyTorch 2 and NumPy

The model is plain torch.nn.functional code; the whole model runs in bfloat16, as model.to(torch.bfloat16) makes it.
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
CASES = ["encoder_sq128", "encoder_rect_80x112", "encoder_batch2"]


def forward(weights, facts, image):
    """[B, 3, H, W] -> tokens [B, T, C] after the last norm, for inputs of whole patches."""
    arch = facts["arch"]
    width, heads = arch["embed_dims"], arch["num_heads"]
    x = F.conv2d(image, weights["patch_embed.projection.weight"], weights["patch_embed.projection.bias"], stride=16)
    x = x.flatten(2).transpose(1, 2)
    x = torch.cat([weights["cls_token"].expand(x.shape[0], -1, -1), x], 1) + weights["pos_embed"]
    norm = lambda x, name: F.layer_norm(x, (width,), weights[name + ".weight"], weights[name + ".bias"], 1e-6)
    linear = lambda x, name: F.linear(x, weights[name + ".weight"], weights[name + ".bias"])
    for i in range(arch["num_layers"]):
        layer = f"layers.{i}."
        qkv = linear(norm(x, layer + "ln1"), layer + "attn.qkv")
        q, k, v = qkv.view(x.shape[0], x.shape[1], 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape)
        x = x + linear(attended, layer + "attn.proj")
        hidden = F.gelu(linear(norm(x, layer + "ln2"), layer + "ffn.layers.0.0"))
        x = x + linear(hidden, layer + "ffn.layers.1")
    return norm(x, "ln1")


def main():
    results = {"torch": torch.__version__}
    for case in CASES:
        folder = HERE / case
        facts = json.loads((folder / "case.json").read_text())
        checkpoint = torch.load(folder / facts["checkpoint"], weights_only=True)
        weights = checkpoint.get("state_dict", checkpoint)
        image = torch.from_numpy(np.load(folder / "input.npy"))
        run = lambda dtype: forward({key: value.to(dtype) for key, value in weights.items()}, facts, image.to(dtype)).double()
        with torch.inference_mode():
            truth = run(torch.float64)
            rounded = run(torch.bfloat16)
        stored = torch.from_numpy(np.load(folder / "raw.npy")).double()
        assert (truth - stored).abs().max() < 2e-5, f"{case}: this is another model"
        cosine = F.cosine_similarity(truth, rounded, dim=-1)
        results[case] = {"rel_l2": float((rounded - truth).norm() / truth.norm()), "worst_token_cosine": float(cosine.min())}
    (HERE / "bf16_pytorch.json").write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
