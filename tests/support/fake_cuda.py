"""Tensors on a CUDA device that is not there: shape, type and device, no numbers, and no CUDA build."""

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode

CUDA = torch.device("cuda:0")


def on_fake_cuda(tensor: torch.Tensor, mode: FakeTensorMode) -> FakeTensor:
    return FakeTensor(mode, tensor.to("meta"), CUDA)


def move(module: torch.nn.Module, mode: FakeTensorMode) -> torch.nn.Module:
    """Put all parameters and buffers on a CUDA device that is not there."""
    for name, tensor in [*module.named_parameters(remove_duplicate=False), *module.named_buffers()]:
        owner_name, _, leaf = name.rpartition(".")
        owner = module.get_submodule(owner_name)
        owner._parameters.pop(leaf, None)
        owner._buffers.pop(leaf, None)
        object.__setattr__(owner, leaf, on_fake_cuda(tensor.detach(), mode))
    return module


TAKE_CONTIGUOUS = (torch.conv1d, torch.conv_transpose1d, torch.nn.functional.cross_entropy)


class WithoutCudaBuild(TorchFunctionMode):
    """Some Python bindings ask a CUDA build for the device; the operators they stand for do not."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.Tensor.__getitem__:
            return view(*args)
        if function is torch.Tensor.__setitem__:
            return torch.ops.aten.copy_(view(*args[:2]), args[2])
        if function is torch.Tensor.nonzero:  # no numbers: as if all of them were true
            (mask,) = args
            assert mask.ndim == 1
            return torch.ops.aten.arange(len(mask), device=mask.device).unsqueeze(1)
        if function is torch.repeat_interleave:  # as if each were repeated once
            (repeats,) = args
            return torch.ops.aten.arange(len(repeats), device=repeats.device)
        if function is torch.Tensor.new_tensor:
            return on_fake_cuda(torch.tensor(args[1], dtype=args[0].dtype, device="cpu"), args[0].fake_mode)
        if function is torch.Tensor.__invert__:
            return torch.ops.aten.bitwise_not(args[0])
        if function is torch.Tensor.contiguous:
            return contiguous(args[0])
        if function in TAKE_CONTIGUOUS:  # they use that binding on their input
            args = (contiguous(args[0]), *args[1:])
        if function is torch.nn.functional.batch_norm:  # it would choose cuDNN's
            return batch_norm(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


def batch_norm(x, mean, variance, weight, bias, training, momentum, eps) -> torch.Tensor:
    """Written out, for the operators choose between libraries by the device."""
    if training:
        dims = [dim for dim in range(x.ndim) if dim != 1]
        mean.lerp_(x.mean(dims), momentum)
        variance.lerp_(x.var(dims), momentum)
    shape = [1, -1, *[1] * (x.ndim - 2)]
    scale = weight * (variance + eps).rsqrt()
    return (x - mean.view(shape)) * scale.view(shape) + bias.view(shape)


def contiguous(tensor: torch.Tensor) -> torch.Tensor:
    return torch.ops.aten.clone(tensor, memory_format=torch.contiguous_format)


def view(tensor: torch.Tensor, key) -> torch.Tensor:
    """tensor[key]; where a mask is the whole key, as if all of it were true."""
    keys = key if isinstance(key, tuple) else (key,)
    if isinstance(keys[0], torch.Tensor) and keys[0].dtype == torch.bool:
        assert len(keys) == 1 and keys[0].device == tensor.device, (
            "expected the device of a mask as its tensor's"
        )
        return tensor.flatten(0, keys[0].ndim - 1)
    if dots := [place for place, one in enumerate(keys) if one is Ellipsis]:
        n_given = sum(one is not None for one in keys) - 1
        keys = (*keys[: dots[0]], *[slice(None)] * (tensor.ndim - n_given), *keys[dots[0] + 1 :])
    indices: list[torch.Tensor | None] = []
    for one in keys:
        axis = len(indices)
        if isinstance(one, int):
            tensor = tensor.select(axis, one)
            continue
        if one is None:
            tensor = tensor.unsqueeze(axis)
        elif isinstance(one, slice):
            start, stop, step = one.indices(tensor.shape[axis])
            tensor = torch.ops.aten.slice(tensor, axis, start, max(start, stop), step)
        else:
            one = one if isinstance(one, torch.Tensor) else torch.tensor(one, device="cpu")
        indices.append(one if isinstance(one, torch.Tensor) else None)
    if any(index is not None for index in indices):
        return torch.ops.aten.index(tensor, indices)
    return tensor
