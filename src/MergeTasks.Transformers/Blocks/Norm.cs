using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>Normalisation of every row: y = x̂ · w + b, where x̂ = (x − mean) / deviation, or x / root mean square.</summary>
internal sealed class Norm
{
    private readonly NormSpec _spec;
    private readonly Parameter? _weight;
    private readonly Parameter? _bias;
    private readonly float[]? _scale;
    private readonly float[]? _shift;

    /// <summary>Binds the parameters.</summary>
    public Norm(NormSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        if (spec.Weighted)
        {
            _weight = parameters.Get([spec.OwnWeight ?? spec.Module + ".weight"], spec.Stack, spec.Width);
            _scale = _weight.ToSingles();
            TensorPrimitives.Add(_scale, spec.WeightOffset, _scale);
            TensorPrimitives.Multiply(_scale, spec.Factor, _scale);
            if (spec.OwnWeight is null)
            {
                var name = _weight.Name;
                Names = [name[..name.LastIndexOf('.')]];
                Descriptions = [new ModuleDescription(Names[0], name, spec.Width, false)];
            }
        }

        if (spec.Bias)
        {
            _bias = parameters.Get(spec.Module + ".bias", spec.Width);
            _shift = _bias.ToSingles();
        }
    }

    /// <summary>The module's name; nothing for a norm without parameters.</summary>
    public IReadOnlyList<string> Names { get; } = [];

    /// <summary>What callers may know of it.</summary>
    public IReadOnlyList<ModuleDescription> Descriptions { get; } = [];

    /// <summary>Computes y, shows x to the observer and keeps it.</summary>
    public Activation Forward(Pass pass, Activation x, int[]? batchRows = null)
    {
        pass.Observe(Names, x, batchRows);
        var y = pass.Rent(x.Rows, x.Channels);
        pass.ForRows(x.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                var to = y.Row(row);
                Normalise(x.Row(row), to);
                if (_scale is not null)
                    TensorPrimitives.Multiply(to, _scale, to);
                if (_shift is not null)
                    TensorPrimitives.Add(to, _shift, to);
            }
        });
        pass.Tape?.Push(x);
        return y;
    }

    /// <summary>
    /// Hands out the gradients of w and b and returns that of x: with g = dy · w it is (g − x̂ · mean(g · x̂)) / deviation, less its own
    /// mean for a layer norm.
    /// </summary>
    public Activation Backward(Pass pass, Activation dy)
    {
        using var x = pass.Tape!.Pop();
        var dx = pass.Rent(x.Rows, x.Channels);
        using var unit = pass.Rent(x.Rows, x.Channels);
        using var weightSums = new RowSums(pass, x.Rows, x.Channels);
        using var biasSums = new RowSums(pass, x.Rows, x.Channels);
        pass.ForRows(x.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                ReadOnlySpan<float> gradient = dy.Row(row);
                var xHat = unit.Row(row);
                var inverse = Normalise(x.Row(row), xHat);
                TensorPrimitives.MultiplyAdd(gradient, xHat, weightSums.PieceOf(first), weightSums.PieceOf(first));
                if (_bias is not null)
                    TensorPrimitives.Add(gradient, biasSums.PieceOf(first), biasSums.PieceOf(first));
                InputGradient(gradient, xHat, inverse, dx.Row(row));
            }
        });
        if (_weight is not null)
        {
            var total = weightSums.Total();
            if (_spec.Factor != 1)
                total = Array.ConvertAll(total.ToArray(), sum => sum * _spec.Factor);
            _weight.Give(pass, total);
        }

        _bias?.Give(pass, biasSums.Total());
        return dx;
    }

    private void InputGradient(ReadOnlySpan<float> gradient, Span<float> xHat, float inverse, Span<float> to)
    {
        if (_scale is not null)
            TensorPrimitives.Multiply(gradient, _scale, to);
        else
            gradient.CopyTo(to);
        var along = Reductions.Dot(to, xHat) / to.Length;
        if (_spec.Kind == NormKind.Layer)
            TensorPrimitives.Subtract(to, Reductions.Sum(to) / to.Length, to);
        TensorPrimitives.MultiplyAdd(xHat, -along, to, to);
        TensorPrimitives.Multiply(to, inverse, to);
    }

    /// <summary>Writes x̂ and returns what x was multiplied by.</summary>
    private float Normalise(ReadOnlySpan<float> x, Span<float> xHat)
    {
        if (_spec.Kind == NormKind.Layer)
        {
            TensorPrimitives.Subtract(x, Reductions.Sum(x) / x.Length, xHat);
            x = xHat;
        }

        var inverse = 1 / MathF.Sqrt(Reductions.SumOfSquares(x) / x.Length + (float)_spec.Epsilon);
        TensorPrimitives.Multiply(x, inverse, xHat);
        return inverse;
    }
}
