"""shap.DeepExplainer on M3: 10 pictures, 54 background pictures, the top 3 outputs of each: seconds."""
import argparse

from common import *

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--images", type=int, default=10)
p.add_argument("--background", type=int, default=54)
p.add_argument("--outputs", type=int, default=3)
a = p.parse_args()

import shap

net, x, b = m3_case()
x, b = x[:a.images], b[:a.background]
e = shap.DeepExplainer(net, b)
t = time.perf_counter()
# Softmax2d is unknown to shap (it takes the plain gradient), so its additivity check must be off
phi, ranks = e.shap_values(x, ranked_outputs=a.outputs, check_additivity=False)
seconds = time.perf_counter() - t
with torch.no_grad():
    change = np.take_along_axis((net(x) - net(b).mean(0)).numpy(), np.asarray(ranks), 1)  # [image, rank]
gap = np.asarray(phi).reshape(a.images, -1, a.outputs).sum(1) - change
pairs = a.images * a.outputs
done = pairs * 2 * a.background * 4 * TRUNK_MACS  # forward and input-gradient pass over both halves
need = pairs * a.background * 2 * TRUNK_MACS + (a.images + a.background) * 2 * TRUNK_MACS
emit("shap-image", "deep", a.images, "image", seconds, ["torch", "shap"], background=a.background, outputs=a.outputs,
     completeness_gap=float(np.abs(gap).max() / np.abs(change).max()),
     gflop_done=done / 1e9, gflops=done / seconds / 1e9, gflop_needed=need / 1e9)
