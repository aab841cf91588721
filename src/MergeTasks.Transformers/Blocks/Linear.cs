using System.Numerics.Tensors;
using MergeTasks.Numerics.Products;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>y = x · Wᵀ + b, with W read in its own element type where it lies.</summary>
internal sealed class Linear
{
    private readonly LinearSpec _spec;
    private readonly Parameter _weight;
    private readonly Parameter? _bias;
    private readonly float[]? _biasValues;

    /// <summary>Binds the parameters.</summary>
    public Linear(LinearSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _weight = spec.StoredByInput
            ? parameters.Get([spec.Weight], spec.Stack, spec.Inputs, spec.Outputs)
            : parameters.Get([spec.Weight], spec.Stack, spec.Outputs, spec.Inputs);
        if (spec.Clamp is { } limit)
            _weight = _weight.Clamped((float)limit);
        _bias = spec.Bias ? parameters.Get(spec.BiasNames, spec.Stack, spec.Outputs) : null;
        _biasValues = _bias?.ToSingles();
        Name = NameOf(spec, _weight.Name);
        Description = new ModuleDescription(Name, _weight.Name, spec.Inputs, spec.StoredByInput) { Place = spec.Stack?.Index };
    }

    /// <summary>
    /// A module is named as its weight is in the checkpoint, unless it only borrows that weight; one of a stack as the stack, and its
    /// place.
    /// </summary>
    public static string NameOf(LinearSpec spec, string weight) =>
        spec.Stack is { } stack ? $"{(weight.EndsWith(".weight", StringComparison.Ordinal) ? weight[..^".weight".Length] : weight)}.{stack.Index}"
        : spec.Weight == spec.Module + ".weight" ? weight[..^".weight".Length]
        : spec.Module;

    /// <summary>The module's name.</summary>
    public string Name { get; }

    /// <summary>What callers may know of it.</summary>
    public ModuleDescription Description { get; }

    /// <summary>Computes y and keeps x.</summary>
    public Activation Forward(Pass pass, Activation x)
    {
        var y = pass.Rent(x.Rows, _spec.Outputs);
        if (_biasValues is { } bias)
            pass.ForRows(x.Rows, (first, end) => Fill(y, bias, first, end));
        if (_spec.StoredByInput)
            MatrixProduct.Times(x.View, _weight.Matrix, y.View, accumulate: _bias is not null, pass.ThreadsForProduct());
        else
            MatrixProduct.TimesTransposed(x.View, _weight.Matrix, y.View, accumulate: _bias is not null, pass.ThreadsForProduct());
        pass.Tape?.Push(x);
        return y;
    }

    /// <summary>Hands out the gradients of W and b, and writes that of x.</summary>
    /// <param name="pass">The run.</param>
    /// <param name="dy">The gradient of y.</param>
    /// <param name="dx">Takes the gradient of x.</param>
    /// <param name="accumulate">Whether <paramref name="dx"/> already holds other uses' gradient.</param>
    public void Backward(Pass pass, Activation dy, Activation dx, bool accumulate)
    {
        using (var x = pass.Tape!.Pop())
            GiveGradients(pass, dy, x);
        if (_spec.StoredByInput)
            MatrixProduct.TimesTransposed(dy.View, _weight.Matrix, dx.View, accumulate, pass.ThreadsForProduct());
        else
            MatrixProduct.Times(dy.View, _weight.Matrix, dx.View, accumulate, pass.ThreadsForProduct());
    }

    private void GiveGradients(Pass pass, Activation dy, Activation x)
    {
        using (var dw = pass.Rent(_weight.Rows, _weight.Columns))
        {
            var (left, right) = _spec.StoredByInput ? (x, dy) : (dy, x);
            MatrixProduct.TransposedTimes(left.View, right.View, dw.View, accumulate: false, pass.ThreadsForProduct());
            _weight.Give(pass, dw.Values);
        }

        if (_bias is null)
            return;
        using var sums = new RowSums(pass, dy.Rows, dy.Channels);
        pass.ForRows(dy.Rows, (first, end) =>
        {
            var sum = sums.PieceOf(first);
            for (var row = first; row < end; row++)
                TensorPrimitives.Add(sum, dy.Row(row), sum);
        });
        _bias.Give(pass, sums.Total());
    }

    private static void Fill(Activation y, float[] bias, int first, int end)
    {
        for (var row = first; row < end; row++)
            bias.CopyTo(y.Row(row));
    }
}
