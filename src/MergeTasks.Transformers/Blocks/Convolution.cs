using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>y at t = Σ over k of w at k · x at (t − length + 1 + k), channel by channel, within each sequence.</summary>
internal sealed class Convolution
{
    private readonly ConvolutionSpec _spec;
    private readonly Parameter _weight;
    private readonly Parameter? _bias;
    private readonly float[][] _taps;

    /// <summary>Binds the parameters.</summary>
    public Convolution(ConvolutionSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _weight = parameters.Get(spec.Weight, spec.Channels, 1, spec.Length);
        _bias = spec.Bias is null ? null : parameters.Get(spec.Bias, spec.Channels);
        var values = _weight.ToSingles();
        _taps = [
            .. Enumerable.Range(0, spec.Length)
                .Select(tap => Enumerable.Range(0, spec.Channels).Select(channel => values[channel * spec.Length + tap]).ToArray())
        ];
    }

    /// <summary>Computes y and keeps x.</summary>
    public Activation Forward(Pass pass, Activation x)
    {
        var y = pass.RentZeros(x.Rows, x.Channels);
        var bias = _bias?.ToSingles();
        pass.For(pass.Layout.Sequences.Count, index =>
        {
            var sequence = pass.Layout.Sequences[index];
            for (var position = 0; position < sequence.Length; position++)
            {
                var to = y.Row(sequence.Start + position);
                bias?.CopyTo(to);
                foreach (var (tap, from) in Seen(sequence, position))
                    TensorPrimitives.MultiplyAdd(x.Row(from), _taps[tap], to, to);
            }
        });
        pass.Tape?.Push(x);
        return y;
    }

    /// <summary>Hands out the parameters' gradients and returns that of x.</summary>
    public Activation Backward(Pass pass, Activation dy)
    {
        using var x = pass.Tape!.Pop();
        var dx = pass.RentZeros(x.Rows, x.Channels);
        var dTaps = _taps.Select(tap => new float[tap.Length]).ToArray();
        var dBias = new float[_spec.Channels];
        foreach (var sequence in pass.Layout.Sequences)
        {
            for (var position = 0; position < sequence.Length; position++)
            {
                var gradient = dy.Row(sequence.Start + position);
                TensorPrimitives.Add(dBias, gradient, dBias);
                foreach (var (tap, from) in Seen(sequence, position))
                {
                    TensorPrimitives.MultiplyAdd(gradient, _taps[tap], dx.Row(from), dx.Row(from));
                    TensorPrimitives.MultiplyAdd(gradient, x.Row(from), dTaps[tap], dTaps[tap]);
                }
            }
        }

        var dWeight = new float[_spec.Channels * _spec.Length];
        for (var tap = 0; tap < _spec.Length; tap++)
            for (var channel = 0; channel < _spec.Channels; channel++)
                dWeight[channel * _spec.Length + tap] = dTaps[tap][channel];
        _weight.Give(pass, dWeight);
        _bias?.Give(pass, dBias);
        return dx;
    }

    private IEnumerable<(int Tap, int Row)> Seen(SequenceRows sequence, int position) =>
        Enumerable.Range(Math.Max(0, _spec.Length - 1 - position), Math.Min(_spec.Length, position + 1))
            .Select(tap => (tap, sequence.Start + position - _spec.Length + 1 + tap));
}
