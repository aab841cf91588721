using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>norm(attention(x)) + x + norm(R L x), see <see cref="LaurelSpec"/>.</summary>
internal sealed class Laurel : Mixer
{
    private readonly LaurelSpec _spec;
    private readonly Attention _attention;
    private readonly Norm _attentionNorm;
    private readonly Linear _left;
    private readonly Linear _right;
    private readonly Norm _norm;

    /// <summary>Binds the parameters.</summary>
    public Laurel(LaurelSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _attention = new Attention(spec.Attention, parameters);
        _attentionNorm = new Norm(spec.AttentionNorm, parameters);
        _left = new Linear(spec.Left, parameters);
        _right = new Linear(spec.Right, parameters);
        _norm = new Norm(spec.Norm, parameters);
    }

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules =>
        [.. _attention.Modules, .. _attentionNorm.Descriptions, _left.Description, _right.Description, .. _norm.Descriptions];

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x)
    {
        using var attended = _attention.Forward(pass, x);
        using var y = _attentionNorm.Forward(pass, attended);
        pass.Observe([_left.Name], x);
        using var low = _left.Forward(pass, x);
        pass.Observe([_right.Name], low);
        using var product = _right.Forward(pass, low);
        var sum = _norm.Forward(pass, product);
        TensorPrimitives.Add(sum.Values, y.Values, sum.Values);
        TensorPrimitives.Add(sum.Values, x.Values, sum.Values);
        return sum;
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        using var dProduct = _norm.Backward(pass, dy);
        using var dLow = pass.Rent(dy.Rows, _spec.Right.Inputs);
        _right.Backward(pass, dProduct, dLow, accumulate: false);
        using var dResidual = pass.Rent(dy.Rows, dy.Channels);
        dy.Values.CopyTo(dResidual.Values);
        _left.Backward(pass, dLow, dResidual, accumulate: true);
        using var dAttended = _attentionNorm.Backward(pass, dy);
        var dx = _attention.Backward(pass, dAttended);
        TensorPrimitives.Add(dx.Values, dResidual.Values, dx.Values);
        return dx;
    }
}
