using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// A layer that sees one of several residual streams, see <see cref="AlternatingSpec"/>. What it adds of its per-layer vectors goes to all
/// streams but the first.
/// </summary>
internal sealed class AlternatingLayer : Layer
{
    private readonly AlternatingSpec _spec;
    private readonly ResidualLayer _inner;
    private readonly StreamRouter _prediction;
    private readonly StreamRouter _correction;
    private readonly LayerInput _layerInput;
    private readonly Parameter? _scale;
    private readonly float[]? _scaleValues;

    /// <summary>Binds the parameters.</summary>
    public AlternatingLayer(LayerSpec spec, ParameterSet parameters)
    {
        _spec = spec.Alternating!;
        _prediction = new StreamRouter(_spec, _spec.Prediction, parameters);
        _inner = new ResidualLayer(spec with { LayerInput = null }, parameters);
        _correction = new StreamRouter(_spec, _spec.Correction, parameters);
        _scale = _spec.OutputScale is null ? null : parameters.Get(_spec.OutputScale, _spec.Width);
        _scaleValues = _scale?.ToSingles();
        _layerInput = new LayerInput(spec.LayerInput!, parameters);
    }

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules =>
        [.. _prediction.Modules, .. _inner.Modules, .. _correction.Modules, .. _layerInput.Modules];

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x)
    {
        using var predicted = Predict(pass, x);
        using var active = Streams.Of(pass, predicted, _spec.Active, _spec.Width);
        using var updated = _inner.Forward(pass, active);
        var y = Correct(pass, predicted, updated);
        using var corrected = Streams.Of(pass, y, _spec.Active, _spec.Width);
        using var scaled = Scaled(pass, corrected);
        using var added = _layerInput.Forward(pass, scaled);
        for (var stream = 1; stream < _spec.Streams; stream++)
            Streams.Add(pass, y, stream, added);
        return y;
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        using var dCorrected = pass.Rent(dy.Rows, dy.Channels);
        dy.Values.CopyTo(dCorrected.Values);
        using (var dAdded = pass.RentZeros(dy.Rows, _spec.Width))
        {
            for (var stream = 1; stream < _spec.Streams; stream++)
            {
                using var own = Streams.Of(pass, dy, stream, _spec.Width);
                TensorPrimitives.Add(dAdded.Values, own.Values, dAdded.Values);
            }

            using var dScaled = _layerInput.Backward(pass, dAdded);
            UndoScale(pass, dScaled);
            Streams.Add(pass, dCorrected, _spec.Active, dScaled);
        }

        using var dPredicted = pass.Rent(dy.Rows, dy.Channels);
        using var dUpdated = UndoCorrection(pass, dCorrected, dPredicted);
        using var dActive = _inner.Backward(pass, dUpdated);
        Streams.Add(pass, dPredicted, _spec.Active, dActive);
        return UndoPrediction(pass, dPredicted);
    }

    private Activation Predict(Pass pass, Activation x)
    {
        using var active = Streams.Of(pass, x, _spec.Active, _spec.Width);
        using var factors = _prediction.Forward(pass, active);
        var y = pass.Rent(x.Rows, x.Channels);
        pass.ForRows(x.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                x.Row(row).CopyTo(y.Row(row));
                for (var to = 0; to < _spec.Streams; to++)
                    for (var from = 0; from < _spec.Streams; from++)
                        AddTo(y, row, to, x, row, from, factors.Row(row)[to * _spec.Streams + from]);
            }
        });
        pass.Tape?.Push(x);
        pass.Tape?.Push(factors);
        return y;
    }

    private Activation UndoPrediction(Pass pass, Activation dy)
    {
        using var factors = pass.Tape!.Pop();
        using var x = pass.Tape.Pop();
        var dx = pass.Rent(dy.Rows, dy.Channels);
        using var dFactors = pass.Rent(dy.Rows, factors.Channels);
        pass.ForRows(dy.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                dy.Row(row).CopyTo(dx.Row(row));
                for (var to = 0; to < _spec.Streams; to++)
                {
                    for (var from = 0; from < _spec.Streams; from++)
                    {
                        AddTo(dx, row, from, dy, row, to, factors.Row(row)[to * _spec.Streams + from]);
                        dFactors.Row(row)[to * _spec.Streams + from] = Reductions.Dot(Stream(x, row, from), Stream(dy, row, to));
                    }
                }
            }
        });
        using var dActive = _prediction.Backward(pass, dFactors);
        Streams.Add(pass, dx, _spec.Active, dActive);
        return dx;
    }

    private Activation Correct(Pass pass, Activation predicted, Activation updated)
    {
        using var factors = _correction.Forward(pass, updated);
        using var change = Change(pass, predicted, updated);
        var y = pass.Rent(predicted.Rows, predicted.Channels);
        pass.ForRows(y.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                predicted.Row(row).CopyTo(y.Row(row));
                for (var to = 0; to < _spec.Streams; to++)
                    AddTo(y, row, to, change, row, 0, factors.Row(row)[to] + 1);
            }
        });
        pass.Tape?.Push(change);
        pass.Tape?.Push(factors);
        return y;
    }

    // Writes the gradient of the prediction and returns that of what came of the active stream.
    private Activation UndoCorrection(Pass pass, Activation dy, Activation dPredicted)
    {
        using var factors = pass.Tape!.Pop();
        using var change = pass.Tape.Pop();
        using var dChange = pass.RentZeros(dy.Rows, _spec.Width);
        using var dFactors = pass.Rent(dy.Rows, factors.Channels);
        dy.Values.CopyTo(dPredicted.Values);
        pass.ForRows(dy.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                for (var to = 0; to < _spec.Streams; to++)
                {
                    AddTo(dChange, row, 0, dy, row, to, factors.Row(row)[to] + 1);
                    dFactors.Row(row)[to] = Reductions.Dot(change.Row(row), Stream(dy, row, to));
                }

                AddTo(dPredicted, row, _spec.Active, dChange, row, 0, -1);
            }
        });
        var dUpdated = _correction.Backward(pass, dFactors);
        TensorPrimitives.Add(dUpdated.Values, dChange.Values, dUpdated.Values);
        return dUpdated;
    }

    private Activation Change(Pass pass, Activation predicted, Activation updated)
    {
        var change = pass.Rent(updated.Rows, updated.Channels);
        for (var row = 0; row < change.Rows; row++)
            TensorPrimitives.Subtract(updated.Row(row), Stream(predicted, row, _spec.Active), change.Row(row));
        return change;
    }

    private Activation Scaled(Pass pass, Activation x)
    {
        if (_scaleValues is null)
            return x.Share();
        var y = pass.Rent(x.Rows, x.Channels);
        for (var row = 0; row < x.Rows; row++)
            TensorPrimitives.Multiply(x.Row(row), _scaleValues, y.Row(row));
        pass.Tape?.Push(x);
        return y;
    }

    // Turns the gradient into that before the scale, in place.
    private void UndoScale(Pass pass, Activation gradient)
    {
        if (_scale is null)
            return;
        using var x = pass.Tape!.Pop();
        using var sums = new RowSums(pass, x.Rows, x.Channels);
        pass.ForRows(x.Rows, (first, end) =>
        {
            var sum = sums.PieceOf(first);
            for (var row = first; row < end; row++)
            {
                TensorPrimitives.MultiplyAdd(gradient.Row(row), x.Row(row), sum, sum);
                TensorPrimitives.Multiply(gradient.Row(row), _scaleValues, gradient.Row(row));
            }
        });
        _scale.Give(pass, sums.Total());
    }

    private ReadOnlySpan<float> Stream(Activation all, int row, int stream) => all.Row(row).Slice(stream * _spec.Width, _spec.Width);

    private void AddTo(Activation to, int toRow, int toStream, Activation from, int fromRow, int fromStream, float factor)
    {
        var own = to.Row(toRow).Slice(toStream * _spec.Width, _spec.Width);
        TensorPrimitives.MultiplyAdd(Stream(from, fromRow, fromStream), factor, own, own);
    }
}
