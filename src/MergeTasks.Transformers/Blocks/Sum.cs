using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>Parts that see the same rows, whose results are added up; see <see cref="SumSpec"/>.</summary>
internal sealed class Sum(SumSpec spec, ParameterSet parameters) : FeedForward
{
    private readonly (Norm? Before, FeedForward Part, Norm? After)[] _branches =
    [
        .. spec.Branches.Select(branch => (
            branch.Before is null ? null : new Norm(branch.Before, parameters),
            Of(branch.Part, parameters),
            branch.After is null ? null : new Norm(branch.After, parameters))),
    ];

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules => _branches.SelectMany(branch =>
        (IEnumerable<ModuleDescription>)[.. branch.Before?.Descriptions ?? [], .. branch.Part.Modules, .. branch.After?.Descriptions ?? []]);

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x, int[] batchRows)
    {
        var sum = pass.RentZeros(x.Rows, x.Channels);
        foreach (var (before, part, after) in _branches)
        {
            using var input = before?.Forward(pass, x, batchRows) ?? x.Share();
            using var result = part.Forward(pass, input, batchRows);
            using var normalised = after?.Forward(pass, result, batchRows) ?? result.Share();
            TensorPrimitives.Add(sum.Values, normalised.Values, sum.Values);
        }

        return sum;
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        var dx = pass.RentZeros(dy.Rows, dy.Channels);
        foreach (var (before, part, after) in _branches.Reverse())
        {
            using var dResult = after?.Backward(pass, dy) ?? dy.Share();
            using var dInput = part.Backward(pass, dResult);
            using var own = before?.Backward(pass, dInput) ?? dInput.Share();
            TensorPrimitives.Add(dx.Values, own.Values, dx.Values);
        }

        return dx;
    }
}
