using System.Numerics.Tensors;
using MergeTasks.Numerics.Products;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>The last matrix: one score per outcome, computed for a range of outcomes at a time.</summary>
internal sealed class OutputProjection
{
    private readonly Parameter _weight;
    private readonly Parameter? _bias;
    private readonly float[]? _biasValues;
    private readonly double? _cap;
    private readonly float _factor;

    /// <summary>Binds the parameters.</summary>
    /// <param name="head">The head.</param>
    /// <param name="parameters">The parameters.</param>
    public OutputProjection(HeadSpec head, ParameterSet parameters)
    {
        var spec = head.Output;
        IsTied = spec.Weight != spec.Module + ".weight";
        // The token table forms the gradient of a weight that is it.
        _weight = IsTied
            ? parameters.Borrow(spec.Weight, spec.Outputs, spec.Inputs)
            : parameters.Get(spec.Weight, spec.Outputs, spec.Inputs);
        _bias = spec.Bias ? parameters.Get(spec.BiasNames, spec.Outputs) : null;
        _biasValues = _bias?.ToSingles();
        _cap = head.ScoreCap;
        _factor = (float)head.ScoreFactor;
        Outcomes = spec.Outputs;
        Description = new ModuleDescription(IsTied ? spec.Module : _weight.Name[..^".weight".Length], _weight.Name, spec.Inputs, false);
    }

    /// <summary>Whether the weight is the token table.</summary>
    public bool IsTied { get; }

    /// <summary>Number of outcomes.</summary>
    public int Outcomes { get; }

    /// <summary>What callers may know of it.</summary>
    public ModuleDescription Description { get; }

    /// <summary>The scores of some outcomes.</summary>
    public Activation Scores(Pass pass, Activation h, int first, int count)
    {
        var scores = pass.Rent(h.Rows, count);
        if (_biasValues is { } bias)
            pass.ForRows(h.Rows, (from, end) =>
            {
                for (var row = from; row < end; row++)
                    bias.AsSpan(first, count).CopyTo(scores.Row(row));
            });
        MatrixProduct.TimesTransposed(
            h.View, _weight.Matrix.SliceRows(first, count), scores.View, accumulate: _bias is not null, pass.ThreadsForProduct());
        if (_factor != 1)
            pass.ForRows(h.Rows, (from, end) =>
            {
                for (var row = from; row < end; row++)
                    TensorPrimitives.Multiply(scores.Row(row), _factor, scores.Row(row));
            });
        if (_cap is { } cap)
            pass.ForRows(h.Rows, (from, end) =>
            {
                for (var row = from; row < end; row++)
                {
                    TensorPrimitives.Multiply(scores.Row(row), (float)(1 / cap), scores.Row(row));
                    TensorPrimitives.Tanh(scores.Row(row), scores.Row(row));
                    TensorPrimitives.Multiply(scores.Row(row), (float)cap, scores.Row(row));
                }
            });
        return scores;
    }

    /// <summary>Multiplies the gradient of scores by their factor and by the cap's slope, 1 − (score / cap)².</summary>
    public void UndoCap(ReadOnlySpan<float> scores, Span<float> gradient)
    {
        if (_factor != 1)
            TensorPrimitives.Multiply(gradient, _factor, gradient);
        if (_cap is not { } cap)
            return;
        for (var i = 0; i < scores.Length; i++)
        {
            var tanh = scores[i] / (float)cap;
            gradient[i] *= 1 - tanh * tanh;
        }
    }

    /// <summary>Adds to the gradient of h.</summary>
    public void AddInputGradient(Pass pass, Activation dScores, int first, Activation dh) =>
        MatrixProduct.Times(
            dScores.View, _weight.Matrix.SliceRows(first, dScores.Channels), dh.View, accumulate: true, pass.ThreadsForProduct());

    /// <summary>Hands out the gradient of some rows of the weight.</summary>
    public void GiveWeight(Pass pass, Activation gradient, int first) => _weight.Give(pass, gradient.Values, first);

    /// <summary>Hands out the gradient of the bias, if there is one.</summary>
    public void GiveBias(Pass pass, float[] gradient) => _bias?.Give(pass, gradient);
}
