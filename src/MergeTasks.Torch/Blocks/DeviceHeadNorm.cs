using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Blocks;

namespace MergeTasks.Torch.Blocks;

/// <summary>Normalises queries or keys, over all heads of a token or head by head. It needs a projection that holds nothing else.</summary>
internal sealed class DeviceHeadNorm
{
    private readonly HeadNormScope _scope;
    private readonly int _heads;
    private readonly DeviceNorm[] _norms;

    /// <summary>Binds the parameters.</summary>
    public DeviceHeadNorm(HeadNormSpec spec, int heads, ModelPart part)
    {
        _scope = spec.Scope;
        _heads = heads;
        _norms = [.. HeadNorm.NormsOf(spec, heads).Select(norm => new DeviceNorm(norm, part))];
    }

    /// <summary>Normalises projected rows.</summary>
    public Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        var (rows, size) = ((int)x.shape[0], x.shape[1] / _heads);
        var y = _scope switch
        {
            HeadNormScope.AllHeads => _norms[0].Forward(pass, x),
            HeadNormScope.EachHead => _norms[0]
                .Forward(
                    pass, x.reshape(rows * _heads, size), () => [.. pass.Piece.BatchRows.SelectMany(row => Enumerable.Repeat(row, _heads))])
                .reshape(rows, x.shape[1]),
            _ => cat([.. _norms.Select((norm, head) => norm.Forward(pass, x.narrow(1, head * size, size)))], 1),
        };
        return y.MoveToOuterDisposeScope();
    }
}
