using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>Normalises queries or keys, over all heads of a token or head by head. It needs a projection that holds nothing else.</summary>
internal sealed class HeadNorm
{
    private readonly HeadNormScope _scope;
    private readonly int _heads;
    private readonly Norm[] _norms;

    /// <summary>Binds the parameters.</summary>
    public HeadNorm(HeadNormSpec spec, int heads, ParameterSet parameters)
    {
        _scope = spec.Scope;
        _heads = heads;
        _norms = [.. NormsOf(spec, heads).Select(norm => new Norm(norm, parameters))];
    }

    /// <summary>The modules.</summary>
    public IEnumerable<ModuleDescription> Modules => _norms.SelectMany(norm => norm.Descriptions).DistinctBy(module => module.Name);

    /// <summary>The norms: one, or one for each head.</summary>
    public static IEnumerable<NormSpec> NormsOf(HeadNormSpec spec, int heads) => spec.Scope switch
    {
        HeadNormScope.EachHeadOwnWeight =>
            Enumerable.Range(0, heads).Select(head => spec.Norm with { Module = $"{spec.Norm.Module}.norms.{head}" }),
        HeadNormScope.EachHeadOwnRow => Enumerable.Range(0, heads).Select(head => spec.Norm with { Stack = new(head, heads) }),
        _ => [spec.Norm],
    };

    /// <summary>Normalises projected rows.</summary>
    public Activation Forward(Pass pass, Activation x)
    {
        switch (_scope)
        {
            case HeadNormScope.AllHeads:
                return _norms[0].Forward(pass, x);
            case HeadNormScope.EachHead:
                using (var heads = x.ShareAs(x.Rows * _heads, x.Channels / _heads))
                using (var normalised = _norms[0].Forward(pass, heads, pass.Observer is null ? null : RowPerHead(x.Rows)))
                    return normalised.ShareAs(x.Rows, x.Channels);
            default:
                return HeadByHead(pass, x, (norm, head) => norm.Forward(pass, head), isBackward: false);
        }
    }

    /// <summary>Returns the gradient of the projected rows.</summary>
    public Activation Backward(Pass pass, Activation dy)
    {
        switch (_scope)
        {
            case HeadNormScope.AllHeads:
                return _norms[0].Backward(pass, dy);
            case HeadNormScope.EachHead:
                using (var heads = dy.ShareAs(dy.Rows * _heads, dy.Channels / _heads))
                using (var gradient = _norms[0].Backward(pass, heads))
                    return gradient.ShareAs(dy.Rows, dy.Channels);
            default:
                return HeadByHead(pass, dy, (norm, head) => norm.Backward(pass, head), isBackward: true);
        }
    }

    // Backwards from the first to the last, because the rows of one weight's gradient are handed out in order.
    private Activation HeadByHead(Pass pass, Activation rows, Func<Norm, Activation, Activation> run, bool isBackward)
    {
        var size = rows.Channels / _heads;
        var result = pass.Rent(rows.Rows, rows.Channels);
        for (var i = 0; i < _heads; i++)
        {
            var head = isBackward ? i : _heads - 1 - i;
            using var own = pass.Rent(rows.Rows, size);
            for (var row = 0; row < rows.Rows; row++)
                rows.Row(row).Slice(head * size, size).CopyTo(own.Row(row));
            using var done = run(_norms[head], own);
            for (var row = 0; row < rows.Rows; row++)
                done.Row(row).CopyTo(result.Row(row)[(head * size)..]);
        }

        return result;
    }

    private int[] RowPerHead(int rows) => [.. Enumerable.Range(0, rows * _heads).Select(row => row / _heads)];
}
