"""Writes what all programs are measured on to a folder: codes.npy [14780, 30], classifier.pth (whole module), tsne.npy [rows, 30],
m2.pth and m3.pth (whole modules), pictures.npy and background.npy [rows, 3, 32, 32], and photographs, float32 [3, size, size] in 0..1:
astronaut-32.npy, astronaut-224.npy, coffee-32.npy."""
import argparse

from common import *

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("folder", type=pathlib.Path)
p.add_argument("--tsne-rows", type=int, default=14780)
a = p.parse_args()
a.folder.mkdir(parents=True, exist_ok=True)
codes, _, net, phi = features()
np.save(a.folder / "codes.npy", codes.numpy())
np.save(a.folder / "tsne.npy", phi.numpy()[tsne_rows(a.tsne_rows)])
torch.save(net, a.folder / "classifier.pth")
net, pictures, background = m3_case()
torch.save(net, a.folder / "m3.pth")
np.save(a.folder / "pictures.npy", pictures.numpy())
np.save(a.folder / "background.npy", background.numpy())
torch.manual_seed(0)
torch.save(settle(m2()), a.folder / "m2.pth")
for name, size in (("astronaut", 32), ("astronaut", 224), ("coffee", 32)):
    picture = photo(size, name).transpose(2, 0, 1).astype(np.float32) / 255
    np.save(a.folder / f"{name}-{size}.npy", np.ascontiguousarray(picture))
