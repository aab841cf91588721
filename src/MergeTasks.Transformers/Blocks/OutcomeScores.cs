using System.Buffers;
using System.Numerics.Tensors;
using MergeTasks.Numerics.Products;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// The log-probabilities of some outcomes in one run, and their gradients, over parts of the outcomes: a large vocabulary's scores are
/// never all in memory unless they fit into what may be kept.
/// </summary>
internal sealed class OutcomeScores : ITableGradient, IDisposable
{
    private const int ElementsPerPart = 1 << 21;
    private const int ElementsPerSum = 256;

    private readonly OutputProjection _output;
    private readonly Activation _h;
    private readonly IReadOnlyList<RowTarget> _targets;
    private readonly double[] _logOfSum;
    private readonly Activation?[] _kept;
    private readonly bool _keeps;
    private bool _keptAreGradients;

    /// <summary>Prepares the parts.</summary>
    /// <param name="output">The last matrix.</param>
    /// <param name="h">Its input, one row per scored position.</param>
    /// <param name="targets">The outcomes asked for.</param>
    /// <param name="keepBytes">What scores may stay in memory for the backward pass.</param>
    public OutcomeScores(OutputProjection output, Activation h, IReadOnlyList<RowTarget> targets, long keepBytes)
    {
        _output = output;
        _h = h.Share();
        _targets = targets;
        _logOfSum = new double[h.Rows];
        RowsPerPart = Math.Min(output.Outcomes, Math.Max(64, ElementsPerPart / Math.Max(1, Math.Max(h.Rows, h.Channels)) / 64 * 64));
        _kept = new Activation?[(output.Outcomes + RowsPerPart - 1) / RowsPerPart];
        _keeps = (long)h.Rows * output.Outcomes * sizeof(float) <= keepBytes;
    }

    /// <inheritdoc/>
    public int RowsPerPart { get; }

    /// <summary>Log-probabilities of all targets, accumulated in double precision.</summary>
    public TargetScore[] Score(Pass pass)
    {
        var rows = new RowState[_h.Rows];
        Array.Fill(rows, new RowState(double.NegativeInfinity, 0, float.NegativeInfinity, 0));
        var wanted = new double[_targets.Count];
        for (var part = 0; part < _kept.Length; part++)
        {
            var first = part * RowsPerPart;
            var scores = ScoresOf(pass, part);
            for (var i = 0; i < _targets.Count; i++)
                if (_targets[i].Outcome >= first && _targets[i].Outcome < first + scores.Channels)
                    wanted[i] = scores.Row(_targets[i].Row)[_targets[i].Outcome - first];
            pass.ForRows(_h.Rows, (from, end) =>
            {
                for (var row = from; row < end; row++)
                    rows[row] = rows[row].Including(scores.Row(row), first);
            });
            if (_keeps)
                _kept[part] = scores;
            else
                scores.Dispose();
        }

        for (var row = 0; row < rows.Length; row++)
            _logOfSum[row] = rows[row].Largest + Math.Log(rows[row].Sum);
        return [.. _targets.Select((target, i) => new TargetScore(wanted[i] - _logOfSum[target.Row], rows[target.Row].Best))];
    }

    /// <summary>Returns the gradient of h, and hands out those of bias and weight unless the weight is tied.</summary>
    public Activation Backward(Pass pass)
    {
        var dh = pass.RentZeros(_h.Rows, _h.Channels);
        var dBias = new float[_output.Outcomes];
        for (var part = 0; part < _kept.Length; part++)
        {
            var first = part * RowsPerPart;
            var gradient = Gradient(pass, part);
            _output.AddInputGradient(pass, gradient, first, dh);
            for (var row = 0; row < gradient.Rows; row++)
                TensorPrimitives.Add(dBias.AsSpan(first, gradient.Channels), gradient.Row(row), dBias.AsSpan(first, gradient.Channels));
            if (!_output.IsTied)
            {
                using var dWeight = pass.Rent(gradient.Channels, _h.Channels);
                MatrixProduct.TransposedTimes(gradient.View, _h.View, dWeight.View, accumulate: false, pass.ThreadsForProduct());
                _output.GiveWeight(pass, dWeight, first);
            }

            if (_keeps && _output.IsTied)
                continue;
            gradient.Dispose();
            _kept[part] = null;
        }

        _keptAreGradients = _keeps && _output.IsTied;
        _output.GiveBias(pass, dBias);
        return dh;
    }

    /// <inheritdoc/>
    public void Write(Pass pass, int part, Activation gradient)
    {
        using var dScores = _keptAreGradients ? _kept[part]! : Gradient(pass, part);
        _kept[part] = null;
        MatrixProduct.TransposedTimes(dScores.View, _h.View, gradient.View, accumulate: false, pass.ThreadsForProduct());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _h.Dispose();
        foreach (var kept in _kept)
            kept?.Dispose();
    }

    private Activation ScoresOf(Pass pass, int part)
    {
        var first = part * RowsPerPart;
        return _output.Scores(pass, _h, first, Math.Min(RowsPerPart, _output.Outcomes - first));
    }

    /// <summary>∂S/∂score = Σ over the row's targets of weight · ([the target] − probability).</summary>
    private Activation Gradient(Pass pass, int part)
    {
        var first = part * RowsPerPart;
        using var scores = _kept[part] ?? ScoresOf(pass, part);
        var gradient = pass.Rent(scores.Rows, scores.Channels);
        var weights = new double[_h.Rows];
        foreach (var target in _targets)
            weights[target.Row] += target.Weight;
        pass.ForRows(_h.Rows, (from, end) =>
        {
            for (var row = from; row < end; row++)
            {
                TensorPrimitives.Subtract(scores.Row(row), (float)_logOfSum[row], gradient.Row(row));
                Exponential.Of(gradient.Row(row));
                TensorPrimitives.Multiply(gradient.Row(row), (float)-weights[row], gradient.Row(row));
            }
        });
        foreach (var target in _targets)
            if (target.Outcome >= first && target.Outcome < first + scores.Channels)
                gradient.Row(target.Row)[target.Outcome - first] += (float)target.Weight;
        pass.ForRows(_h.Rows, (from, end) =>
        {
            for (var row = from; row < end; row++)
                _output.UndoCap(scores.Row(row), gradient.Row(row));
        });
        _kept[part] = _keeps ? gradient : null;
        return gradient;
    }

    /// <summary>What is known of a row after some parts: Σ exp(score − largest), and the best outcome.</summary>
    private readonly record struct RowState(double Largest, double Sum, float BestScore, int Best)
    {
        public RowState Including(ReadOnlySpan<float> scores, int first)
        {
            var index = TensorPrimitives.IndexOfMax(scores);
            var best = scores[index];
            var largest = Math.Max(Largest, best);
            var sum = Sum == 0 ? 0 : Sum * Math.Exp(Largest - largest);
            var scratch = ArrayPool<float>.Shared.Rent(ElementsPerSum);
            for (var i = 0; i < scores.Length; i += ElementsPerSum)
            {
                var part = scores.Slice(i, Math.Min(ElementsPerSum, scores.Length - i));
                var exponentials = scratch.AsSpan(0, part.Length);
                TensorPrimitives.Subtract(part, (float)largest, exponentials);
                Exponential.Of(exponentials);
                sum += Reductions.Sum(exponentials);
            }

            ArrayPool<float>.Shared.Return(scratch);
            return best > BestScore ? new RowState(largest, sum, best, first + index) : new RowState(largest, sum, BestScore, Best);
        }
    }
}
