"""The lesson's saliency: Monte-Carlo Shapley values of 784 pixels, 200 draws each, sklearn MLPClassifier (512,256): one image."""
import argparse
import random

from common import *

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--variant", default="lesson", choices=["lesson", "batched", "batched-f32"],
               help="lesson: two one-row predict_proba calls per draw; batched: the same draws, all rows of a pixel in "
                    "one call; batched-f32: that with float32 torch products")
p.add_argument("--pixels", type=int, default=0, help="pixels really computed (default lesson 40, else all); scaled to 784")
p.add_argument("--iterations", type=int, default=200)
p.add_argument("--fit-rows", type=int, default=5000)
p.add_argument("--fit-epochs", type=int, default=3, help="few: the time of a prediction does not depend on it")
a = p.parse_args()

from sklearn.neural_network import MLPClassifier

images, labels = mnist("train")
data, labels = images[:15000].reshape(-1, 784).astype(np.float64), labels[:15000]
model = MLPClassifier(hidden_layer_sizes=(512, 256), max_iter=a.fit_epochs, random_state=0)
t = time.perf_counter()
model.fit(data[:a.fit_rows], labels[:a.fit_rows])
fit = time.perf_counter() - t
x, label = data[9], labels[9]
rng = random.Random(0)
clock = {"predict": 0.0}


def draw(k):
    """One draw for pixel k: the mixed row with x's pixel k and with the stranger's."""
    stranger = data[rng.randrange(len(data))]
    with_x = x.copy()
    for f in rng.sample(OTHERS[k], rng.randrange(784)):
        with_x[f] = stranger[f]
    without = with_x.copy()
    without[k] = stranger[k]
    return with_x, without


def one_by_one(k):
    total = 0.0
    for _ in range(a.iterations):
        u, v = draw(k)
        t = time.perf_counter()
        pu = model.predict_proba([u])[0][label]
        pv = model.predict_proba([v])[0][label]
        clock["predict"] += time.perf_counter() - t
        total += pu - pv
    return total / a.iterations


def batched(k):
    rows = np.empty((2, a.iterations, 784))
    key = RNG.random((a.iterations, 784), np.float32)
    key[:, k] = 2  # never drawn; of the others the `size` smallest keys are
    size = RNG.integers(0, 784, (a.iterations, 1))
    r = key < np.take_along_axis(np.sort(key, 1), size, 1)
    strangers = data[RNG.integers(0, len(data), a.iterations)]
    rows[:] = np.where(r, strangers, x)
    rows[1, :, k] = strangers[:, k]
    t = time.perf_counter()
    rows = rows.reshape(-1, 784)
    if a.variant == "batched":
        pr = model.predict_proba(rows)[:, label]
    else:
        h = torch.from_numpy(rows).float()
        for i, (w, c) in enumerate(WEIGHTS):
            h = torch.addmm(c, h, w)
            h = h.relu_() if i < len(WEIGHTS) - 1 else h.softmax(1)
        pr = h[:, label].numpy()
    clock["predict"] += time.perf_counter() - t
    return float((pr[:a.iterations] - pr[a.iterations:]).mean())


RNG = np.random.default_rng(0)
OTHERS = {}
WEIGHTS = [(torch.from_numpy(w).float(), torch.from_numpy(c).float()) for w, c in zip(model.coefs_, model.intercepts_)]
n = a.pixels or (40 if a.variant == "lesson" else 784)
pixels = np.linspace(0, 783, n).astype(int)
for k in pixels:
    OTHERS[k] = [f for f in range(784) if f != k]
one = one_by_one if a.variant == "lesson" else batched
one(400) if a.variant != "lesson" else model.predict_proba([x])
clock["predict"] = 0.0
t = time.perf_counter()
phi = [one(int(k)) for k in pixels]
seconds = time.perf_counter() - t
flop = 2 * (784 * 512 + 512 * 256 + 256 * 10) * 2 * a.iterations * n
emit("shapley-sampling", a.variant, n, "pixel", seconds, ["numpy", "scikit-learn", "torch"], iterations=a.iterations,
     image_784_pixels_s=seconds / n * 784, predict_share=clock["predict"] / seconds,
     us_per_prediction=clock["predict"] / (2 * a.iterations * n) * 1e6, gflops=flop / seconds / 1e9,
     gflop_all_pixels=flop / n * 784 / 1e9, fit_s=fit, fit_rows=a.fit_rows, fit_epochs=a.fit_epochs,
     mean_abs=float(np.abs(phi).mean()))
