"""Frozen backbones: shapes, determinism, independence of the batch, what they recognise, and errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from maphc2f import features
from maphc2f.errors import UserError
from maphc2f.features import efficientnet, scattering
from maphc2f.features.base import Backbone, read_weights
from maphc2f.rng import stream


def open_or_skip(name: str) -> Backbone:
    if name == "efficientnet_lite0":
        pytest.importorskip(efficientnet.PACKAGE)
    return features.load(name)


@pytest.fixture(params=["efficientnet_lite0", "scattering"])
def backbone(request: pytest.FixtureRequest) -> Backbone:
    return open_or_skip(request.param)


def pictures(count: int, channels: int = 3, size: tuple[int, int] = (64, 48)) -> Tensor:
    rng = stream(0, "features", count, channels)
    return torch.from_numpy(rng.random((count, channels, *size), dtype=np.float32))


def test_listing_and_importing_loads_no_torch() -> None:
    code = "import sys\nfrom maphc2f.features import BACKBONES\nassert list(BACKBONES)\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_maps_have_the_stated_strides_and_channels(backbone: Backbone) -> None:
    kind = (backbone.channels, backbone.strides)
    for size in ((64, 48), (61, 47)):
        maps = backbone.maps(pictures(2, size=size))
        expected = [(2, c, -(-size[0] // s), -(-size[1] // s)) for c, s in zip(*kind, strict=True)]
        assert [tuple(level.shape) for level in maps] == expected
        assert all(level.dtype == torch.float32 and not level.requires_grad for level in maps)


def test_gray_is_the_same_as_three_equal_channels(backbone: Backbone) -> None:
    gray = pictures(1, channels=1)
    for one, three in zip(backbone.maps(gray), backbone.maps(gray.repeat(1, 3, 1, 1)), strict=True):
        assert torch.equal(one, three)


def test_features_do_not_depend_on_the_batch(backbone: Backbone) -> None:
    many = pictures(5)
    together = backbone.maps(many)
    for k in range(len(many)):
        alone = backbone.maps(many[k : k + 1])
        assert all(torch.equal(a[0], b[k]) for a, b in zip(alone, together, strict=True))
    assert torch.equal(backbone.pooled(many), backbone.pooled(many))


def test_it_is_frozen(backbone: Backbone) -> None:
    assert not backbone.network.training
    assert not any(p.requires_grad for p in backbone.network.parameters())
    before = {key: value.clone() for key, value in backbone.network.state_dict().items()}
    backbone.maps(pictures(2))
    assert all(torch.equal(value, before[key]) for key, value in backbone.network.state_dict().items())


def test_pooled_is_the_mean_of_the_maps(backbone: Backbone) -> None:
    images = pictures(2)
    expected = torch.cat([level.mean(dim=(2, 3)) for level in backbone.maps(images)], dim=1)
    assert torch.equal(backbone.pooled(images), expected)
    everywhere = torch.ones(2, 1, 64, 48)
    torch.testing.assert_close(backbone.pooled(images, everywhere), expected, rtol=1e-5, atol=1e-5)


def test_a_mask_weighs_its_own_part_alone(backbone: Backbone) -> None:
    images = pictures(1, size=(64, 64))
    mask = torch.zeros(1, 1, 64, 64)
    mask[:, :, :32, :32] = 3.0
    level = backbone.maps(images)[0]
    own = backbone.pooled(images, mask)[:, : backbone.channels[0]]
    half = 32 // backbone.strides[0]
    torch.testing.assert_close(own, level[:, :, :half, :half].mean(dim=(2, 3)), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="a mask is empty"):
        backbone.pooled(images, torch.zeros_like(mask))


@pytest.mark.parametrize("shape", [(64, 64), (3, 64, 64), (1, 2, 64, 64), (0, 3, 64, 64)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(B, 1, H, W\) or \(B, 3, H, W\)"):
        features.load("scattering").maps(torch.zeros(shape))


# --- EfficientNet-Lite0 --------------------------------------------------------------------------------------------


def classify(image: np.ndarray) -> int:
    """Return the ImageNet class: the backbone's last map under the file's own classifier."""
    table = read_weights(efficientnet.package_weights())
    picture = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255
    picture = functional.interpolate(picture, size=(256, 384), mode="area")[:, :, 16:240, 80:304]
    last = features.load("efficientnet_lite0").maps(picture)[-1]
    norm = [table[f"_bn1.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
    head = functional.relu6(
        functional.batch_norm(functional.conv2d(last, table["_conv_head.weight"]), *norm, eps=efficientnet.NORM_EPS)
    )
    return int(torch.argmax(functional.linear(head.mean(dim=(2, 3)), table["_fc.weight"], table["_fc.bias"])))


def test_it_knows_a_palace_and_a_daisy() -> None:
    """A wrong padding, order or normalisation would not: the pictures are scikit-learn's, of a palace and a flower."""
    datasets = pytest.importorskip("sklearn.datasets")
    open_or_skip("efficientnet_lite0")
    palace, flower = datasets.load_sample_images().images
    assert classify(palace) == 698
    assert classify(flower) == 985


def test_statistics_inside_are_those_of_training() -> None:
    """The stem's batch statistics on the right normalisation lie near the stored ones; on that of ImageNet farther."""
    datasets = pytest.importorskip("sklearn.datasets")
    backbone = open_or_skip("efficientnet_lite0")
    images = torch.from_numpy(np.stack(datasets.load_sample_images().images)).permute(0, 3, 1, 2).float() / 255
    norm = backbone.network._bn0
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])

    def distance(normalised: Tensor) -> float:
        variance = backbone.network._conv_stem(normalised).var(dim=(0, 2, 3))
        alive = norm.running_var > 1e-3
        return float((torch.log(variance / norm.running_var))[alive].abs().mean())

    imagenet = (images - mean[:, None, None]) / deviation[:, None, None]
    assert distance(backbone.normalise(images)) < 0.5 * distance(imagenet)


@pytest.mark.parametrize(("kernel", "size", "first"), [(3, 6, 1), (3, 7, 0), (5, 6, 1), (5, 7, 0)])
def test_strided_convolutions_pad_the_odd_pixel_behind(kernel: int, size: int, first: int) -> None:
    """The kernel's middle lies on ``first``, ``first`` + 2, ...: TensorFlow's rule, of which PyTorch's own differs."""
    layer = efficientnet.SameConv((1, 1), kernel, 2)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, kernel // 2, kernel // 2] = 1.0
    ramp = torch.arange(float(size)).expand(1, 1, size, size)
    assert layer(ramp)[0, 0, 0].tolist() == list(range(first, size, 2))


def test_weights_may_come_from_a_file_of_their_own(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    network = efficientnet.LiteNetwork()
    path = tmp_path / "own.safetensors"
    safetensors.save_file(network.state_dict(), path)
    opened = features.load("efficientnet_lite0", weights=path)
    assert torch.equal(opened.network.state_dict()["_conv_stem.weight"], network.state_dict()["_conv_stem.weight"])


def test_another_networks_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"weight": torch.zeros(3)}, path)
    with pytest.raises(UserError, match=r"other\.pth does not hold this network's weights"):
        features.load("efficientnet_lite0", weights=path)
    path.write_bytes(b"no tensors")
    with pytest.raises(UserError, match="does not hold this network's weights"):
        features.load("efficientnet_lite0", weights=path)
    with pytest.raises(UserError, match="cannot be read"):
        features.load("efficientnet_lite0", weights=tmp_path / "nowhere.pth")


def test_a_missing_package_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efficientnet, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match=r"maphc2f\[features\]"):
        features.load("efficientnet_lite0")


def test_a_changed_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    open_or_skip("efficientnet_lite0")
    monkeypatch.setattr(efficientnet, "SHA256", "0" * 64)
    with pytest.raises(UserError, match="another SHA-256"):
        features.load("efficientnet_lite0")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UserError, match="did you mean efficientnet_lite0"):
        features.load("efficientnet_lite1")


# --- scattering ----------------------------------------------------------------------------------------------------


def test_wavelets_have_no_mean_and_unit_mass() -> None:
    bank = scattering.morlet_bank().double()
    real, imaginary = bank.chunk(2)
    assert float(bank.sum(dim=(1, 2, 3)).abs().max()) < 1e-6
    torch.testing.assert_close(torch.hypot(real, imaginary).sum(dim=(1, 2, 3)), torch.ones(6, dtype=torch.float64))


def grating(angle: float, wavelength: float) -> Tensor:
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
    wave = torch.cos(2 * torch.pi / wavelength * (x * np.cos(angle) + y * np.sin(angle)))
    return (0.5 + 0.3 * wave)[None, None]


@pytest.mark.parametrize("k", range(6))
def test_order_one_finds_the_direction_of_a_grating(k: int) -> None:
    """The wavelet of the grating's direction answers most."""
    images = grating(np.pi * k / 6, 2 * np.pi / scattering.CENTRE_FREQUENCY)
    first = features.load("scattering").maps(images)[0][0, 3:9, 8:-8, 8:-8].mean(dim=(1, 2))
    assert int(first.argmax()) == k


def test_order_one_finds_the_octave_of_a_grating() -> None:
    strengths = []
    for octave in range(3):
        images = grating(0.0, 2 ** (octave + 1.4))
        maps = features.load("scattering").maps(images)
        strengths.append([float(level[0, 3, 2:-2, 2:-2].mean()) for level in maps])
    assert [int(np.argmax(row)) for row in strengths] == [0, 1, 2]


def test_a_flat_picture_has_no_oscillation() -> None:
    flat = torch.full((1, 3, 40, 40), 0.4)
    for level in features.load("scattering").maps(flat):
        torch.testing.assert_close(level[:, 0], torch.full_like(level[:, 0], 0.4))
        assert float((level[:, 3:].exp() - scattering.FLOOR).abs().max()) < 1e-5


def test_scattering_takes_no_weights(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="scattering has none"):
        features.load("scattering", weights=tmp_path / "any.pth")


# --- timm ----------------------------------------------------------------------------------------------------------


class _Library:
    """What of timm is called, with a small network in its place."""

    def __init__(self) -> None:
        self.asked: dict[str, object] = {}

    def create_model(self, name: str, **choices: object) -> nn.Module:
        if name == "wrong":
            msg = "Error(s) in loading state_dict\nmore"
            raise RuntimeError(msg)
        self.asked = {"name": name, **choices}
        network = nn.Module()
        network.forward = lambda x: [functional.avg_pool2d(x, 2), functional.avg_pool2d(x, 4)]  # type: ignore[method-assign]
        network.feature_info = SimpleNamespace(reduction=lambda: [2, 4], channels=lambda: [3, 3])  # type: ignore[assignment]
        return network

    def get_pretrained_cfg(self, name: str) -> SimpleNamespace:
        del name
        return SimpleNamespace(mean=(0.5, 0.5, 0.5), std=(0.25, 0.5, 1.0))


def test_a_timm_model_is_opened_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library, path = _Library(), tmp_path / "net.safetensors"
    path.write_bytes(b"weights")
    monkeypatch.setitem(sys.modules, "timm", library)
    backbone = features.load("timm:small", weights=path)
    assert library.asked == {
        "name": "small",
        "pretrained": True,
        "features_only": True,
        "pretrained_cfg_overlay": {"file": str(path)},
    }
    maps = backbone.maps(torch.full((2, 1, 8, 8), 0.75))
    assert [tuple(level.shape) for level in maps] == [(2, 3, 4, 4), (2, 3, 2, 2)]
    assert maps[0][0, :, 0, 0].tolist() == [1.0, 0.5, 0.25]
    with pytest.raises(UserError, match="does not hold this network's weights"):
        features.load("timm:wrong", weights=path)


@pytest.mark.parametrize(("name", "file"), [("timm", "a.safetensors"), ("timm:x", "a.pth"), ("timm:x", None)])
def test_a_timm_model_needs_name_and_file(name: str, file: str | None) -> None:
    with pytest.raises(UserError, match=r"a model and a \.safetensors file"):
        features.load(name, weights=file)


def test_missing_timm_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match="pip install timm"):
        features.load("timm:x", weights=tmp_path / "a.safetensors")
