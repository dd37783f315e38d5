"""What shap's DeepExplainer and captum's DeepLiftShap return for small networks that one of them does not divide
correctly, and by how much each misses f(x) - E f. Writes a case for the Go tests: case.json, arrays.safetensors."""
import argparse

from common import *
from torch.nn import functional as F

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("folder", type=pathlib.Path)
a = p.parse_args()

import captum.attr
import shap


class Functional(nn.Module):
    """ReLU as a function instead of a module."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 1)

    def forward(self, x):
        return self.c(F.relu(self.b(F.relu(self.a(x)))))


class Reused(Functional):
    """One ReLU module called twice."""

    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.c(self.relu(self.b(self.relu(self.a(x)))))


class Attention(nn.Module):
    """One head over five tokens of six values."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Linear(6, n) for n in (6, 6, 6, 1))
        self.relu, self.softmax = nn.ReLU(), nn.Softmax(-1)

    def forward(self, x):
        x = x.view(-1, 5, 6)
        scores = self.a(x) @ self.b(x).transpose(1, 2) / 6 ** 0.5
        return self.d(self.relu(self.softmax(scores) @ self.c(x)).mean(1))


# name, network, shape of a row
CASES = [
    ("functional", Functional, [6]),
    ("reused", Reused, [6]),
    ("layernorm", lambda: nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 1)), [6]),
    ("silu", lambda: nn.Sequential(nn.Linear(6, 8), nn.SiLU(), nn.Linear(8, 8), nn.SiLU(), nn.Linear(8, 1)), [6]),
    ("gelu", lambda: nn.Sequential(nn.Linear(6, 8), nn.GELU(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 1)), [6]),
    ("softmax", lambda: nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4), nn.Softmax(1)), [6]),
    ("overlap", lambda: nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Flatten(), nn.Linear(27, 1)), [1, 9, 9]),
    ("softmax2d", lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.Softmax2d(), nn.AvgPool2d(5), nn.Flatten()), [1, 9, 9]),
    ("attention", Attention, [30]),
]
ROWS, BACKGROUND = 4, 5


def attributions(net, x, b):
    """(shap's, captum's) values of output 0 in float64, None where a package refuses."""
    out = []
    for method in (lambda: shap.DeepExplainer(net, b).shap_values(x, check_additivity=False)[..., 0],
                   lambda: captum.attr.DeepLiftShap(net).attribute(x, b, target=0).detach().numpy()):
        try:
            out.append(np.asarray(method()).reshape(len(x), -1))
        except Exception as e:
            print(f"{type(e).__name__}: {e}", file=sys.stderr)
            out.append(None)
    return out


arrays, networks = {}, {}
for i, (name, make, row) in enumerate(CASES):
    torch.manual_seed(i)
    net = make().double().eval()
    with torch.no_grad():
        for q in net.parameters():  # larger than PyTorch's start, so that activations bend; float32 as in the file
            q.copy_((2 * q).float())
    x, b = torch.randn(ROWS, *row).double(), torch.randn(BACKGROUND, *row).double()
    with torch.no_grad():
        change = (net(x)[:, 0] - net(b)[:, 0].mean()).numpy()
        arrays |= {f"{name}.x": x.numpy(), f"{name}.background": b.numpy(), f"{name}.f_x": net(x)[:, 0].numpy()}
    arrays |= {f"{name}.{k}": v.numpy() for k, v in net.state_dict().items()}
    gaps = {}
    for package, phi in zip(("shap", "captum"), attributions(net, x, b)):
        gaps[package] = None if phi is None else float(np.abs(phi.sum(1) - change).max() / np.abs(change).max())
        if phi is not None:
            arrays[f"{name}.phi_{package}"] = phi
    networks[name] = {"what": " ".join((make.__doc__ or str(net)).split()), "gaps": gaps}
    print(name, gaps)

a.folder.mkdir(parents=True, exist_ok=True)
header, data = {}, b""
for k, v in arrays.items():
    raw = v.astype("<f4").tobytes()
    header[k] = {"dtype": "F32", "shape": list(v.shape), "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
(a.folder / "arrays.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
(a.folder / "case.json").write_text(json.dumps({
    "case": a.folder.name,
    "what": "Small networks that shap's DeepExplainer or captum's DeepLiftShap does not divide correctly: their values "
            "for output 0, run in float64, and their largest gap as a share of the largest |f(x) - E f|.",
    "made_with": {k: metadata.version(k) for k in ("shap", "captum", "torch")},
    "networks": networks,
}, indent=1) + "\n")
