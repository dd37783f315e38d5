"""scikit-image superpixels of one RGB picture with the default settings: milliseconds."""
import argparse

from common import *

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--variant", default="quickshift", choices=["quickshift", "quickshift-lime", "slic", "felzenszwalb"],
               help="quickshift-lime: LIME's own settings (kernel 4, max_dist 200, ratio 0.2)")
p.add_argument("--size", type=int, default=32)
p.add_argument("--repeat", type=int, default=0)
p.add_argument("--save", type=pathlib.Path, help="where to write the labels, float32, to compare them")
a = p.parse_args()

from skimage import segmentation

image = photo(a.size)
fn = {"quickshift": lambda: segmentation.quickshift(image),
      "quickshift-lime": lambda: segmentation.quickshift(image, kernel_size=4, max_dist=200, ratio=0.2),
      "slic": lambda: segmentation.slic(image, start_label=1),
      "felzenszwalb": lambda: segmentation.felzenszwalb(image, scale=300)}[a.variant]
times = timed(fn, a.repeat or (30 if a.size <= 64 else 5), 1)
s = summary(times)
if a.save:
    np.save(a.save, fn().astype(np.float32))
emit("segmentation", f"{a.variant} {a.size}x{a.size}", a.size ** 2, "pixel", s["min"], ["scikit-image", "numpy", "scipy"],
     milliseconds=s["min"] * 1e3, ms={k: v * 1e3 if k != "repeats" else v for k, v in s.items()},
     segments=len(np.unique(fn())))
