using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>Lightning attention, see <see cref="FadingSpec"/>, with all products of queries and keys at hand.</summary>
internal sealed class DeviceFadingAttention : DeviceMixer
{
    private readonly FadingSpec _spec;
    private readonly DeviceLinear _projection;
    private readonly DeviceLinear _gate;
    private readonly DeviceNorm _norm;
    private readonly DeviceLinear _output;

    /// <summary>Binds the parameters.</summary>
    public DeviceFadingAttention(FadingSpec spec, ModelPart part)
    {
        _spec = spec;
        _projection = new DeviceLinear(spec.Projection, part);
        _gate = new DeviceLinear(spec.Gate, part);
        _norm = new DeviceNorm(spec.Norm, part);
        _output = new DeviceLinear(spec.Output, part);
    }

    /// <inheritdoc/>
    public override Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        pass.Observe([_projection.Name, _gate.Name], x);
        var heads = DeviceFunctions.Apply(_spec.Activation, _projection.Forward(pass, x))
            .reshape(x.shape[0], _spec.Heads, 3 * _spec.HeadSize);
        var all = pass.Piece.Padded(heads);
        var (query, key, value) =
            (all.narrow(3, 0, _spec.HeadSize),
                all.narrow(3, _spec.HeadSize, _spec.HeadSize),
                all.narrow(3, 2 * _spec.HeadSize, _spec.HeadSize));
        var shares = query.matmul(key.transpose(2, 3)) * Left(pass.Piece.Length, x.device);
        var normalised = _norm.Forward(pass, pass.Piece.Packed(shares.matmul(value)));
        var gated = normalised * _gate.Forward(pass, x).sigmoid();
        pass.Observe([_output.Name], gated);
        return _output.Forward(pass, gated).MoveToOuterDisposeScope();
    }

    // [heads, queries, keys].
    private Tensor Left(int length, Device device) =>
        tensor([.. Enumerable.Range(0, _spec.Heads).SelectMany(head => Enumerable.Range(0, length)
        .SelectMany(query => Enumerable.Range(0, length).Select(key => _spec.Left(head, query - key))))])
            .to(device)
            .reshape(1, _spec.Heads, length, length);
}
