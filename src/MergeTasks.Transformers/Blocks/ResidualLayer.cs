using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>One transformer layer in one of the residual layouts.</summary>
internal sealed class ResidualLayer : Layer
{
    private readonly LayerSpec _spec;
    private readonly ResidualLayout _layout;
    private readonly Norm? _attentionNorm;
    private readonly Mixer _attention;
    private readonly Norm? _attentionOutputNorm;
    private readonly Norm? _feedForwardNorm;
    private readonly FeedForward _feedForward;
    private readonly Norm? _feedForwardOutputNorm;
    private readonly LayerInput? _layerInput;
    private readonly float _scalar;

    /// <summary>Binds the parameters.</summary>
    public ResidualLayer(LayerSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _layout = spec.Layout;
        _attentionNorm = Bind(spec.AttentionNorm);
        _attention = Mixer.Of(spec.Attention, parameters);
        _attentionOutputNorm = Bind(spec.AttentionOutputNorm);
        _feedForwardNorm = Bind(spec.FeedForwardNorm);
        _feedForward = FeedForward.Of(spec.FeedForward, parameters);
        _feedForwardOutputNorm = Bind(spec.FeedForwardOutputNorm);
        _layerInput = spec.LayerInput is null ? null : new LayerInput(spec.LayerInput, parameters);
        _scalar = spec.Scalar is null ? 1 : parameters.Constant(spec.Scalar, 1L)[0];

        Norm? Bind(NormSpec? norm) => norm is null ? null : new Norm(norm, parameters);
    }

    /// <inheritdoc/>
    public override IEnumerable<ModuleDescription> Modules =>
    [
        .. _attentionNorm?.Descriptions ?? [],
        .. _attention.Modules,
        .. _attentionOutputNorm?.Descriptions ?? [],
        .. _feedForwardNorm?.Descriptions ?? [],
        .. _feedForward.Modules,
        .. _feedForwardOutputNorm?.Descriptions ?? [],
        .. _layerInput?.Modules ?? [],
    ];

    /// <inheritdoc/>
    public override Activation Forward(Pass pass, Activation x)
    {
        var y = _layout == ResidualLayout.Parallel ? ForwardParallel(pass, x) : ForwardParts(pass, x);
        if (_layerInput is not null)
        {
            using var stream = y;
            y = _layerInput.Forward(pass, stream);
            Add(pass, y, stream);
        }

        if (_scalar != 1)
            TensorPrimitives.Multiply(y.Values, _scalar, y.Values);
        return y;
    }

    private Activation ForwardParts(Pass pass, Activation x)
    {
        using var middle = ForwardPart(
            pass,
            x,
            _attentionNorm,
            _attentionOutputNorm,
            (_spec.AttentionStreamFactor, _spec.AttentionFactor),
            input => _attention.Forward(pass, input));
        return ForwardPart(
            pass,
            middle,
            _feedForwardNorm,
            _feedForwardOutputNorm,
            (_spec.FeedForwardStreamFactor, _spec.FeedForwardFactor),
            input => _feedForward.Forward(pass, input, pass.Layout.Identity));
    }

    /// <inheritdoc/>
    public override Activation Backward(Pass pass, Activation dy)
    {
        using var dResult = Scaled(pass, dy, _scalar);
        if (_layerInput is null)
            return BackwardParts(pass, dResult);
        using var dStream = _layerInput.Backward(pass, dResult);
        Add(pass, dStream, dResult);
        return BackwardParts(pass, dStream);
    }

    private Activation BackwardParts(Pass pass, Activation dy)
    {
        if (_layout == ResidualLayout.Parallel)
            return BackwardParallel(pass, dy);
        using var middle = BackwardPart(
            pass,
            dy,
            _feedForwardNorm,
            _feedForwardOutputNorm,
            (_spec.FeedForwardStreamFactor, _spec.FeedForwardFactor),
            gradient => _feedForward.Backward(pass, gradient));
        return BackwardPart(
            pass,
            middle,
            _attentionNorm,
            _attentionOutputNorm,
            (_spec.AttentionStreamFactor, _spec.AttentionFactor),
            gradient => _attention.Backward(pass, gradient));
    }

    private Activation ForwardPart(
        Pass pass, Activation x, Norm? before, Norm? after, (float Stream, float Part) factors, Func<Activation, Activation> part)
    {
        using var input = before?.Forward(pass, x) ?? x.Share();
        var y = part(input);
        var stream = _layout == ResidualLayout.NormOfStream ? input : x;
        if (_layout == ResidualLayout.NormAfterAddition)
        {
            Add(pass, y, stream, factors);
            return Through(after, y, pass);
        }

        y = Through(after, y, pass);
        Add(pass, y, stream, factors);
        return y;
    }

    private Activation BackwardPart(
        Pass pass, Activation dy, Norm? before, Norm? after, (float Stream, float Part) factors, Func<Activation, Activation> part)
    {
        var normBeforeAddition = _layout != ResidualLayout.NormAfterAddition;
        using var dSum = normBeforeAddition || after is null ? dy.Share() : after.Backward(pass, dy);
        using var dScaled = Scaled(pass, dSum, factors.Part);
        using var dPart = normBeforeAddition && after is not null ? after.Backward(pass, dScaled) : dScaled.Share();
        var dx = part(dPart);
        if (_layout == ResidualLayout.NormOfStream)
            Add(pass, dx, dSum, (factors.Stream, 1));
        if (before is not null)
        {
            using var normalised = dx;
            dx = before.Backward(pass, normalised);
        }

        if (_layout != ResidualLayout.NormOfStream)
            Add(pass, dx, dSum, (factors.Stream, 1));
        return dx;
    }

    private Activation ForwardParallel(Pass pass, Activation x)
    {
        using var first = _attentionNorm?.Forward(pass, x) ?? x.Share();
        var y = _attention.Forward(pass, first);
        using var second = _feedForwardNorm?.Forward(pass, x) ?? first.Share();
        using var other = _feedForward.Forward(pass, second, pass.Layout.Identity);
        Add(pass, y, other);
        Add(pass, y, x);
        return y;
    }

    private Activation BackwardParallel(Pass pass, Activation dy)
    {
        var dSecond = _feedForward.Backward(pass, dy);
        if (_feedForwardNorm is not null)
        {
            using var normalised = dSecond;
            dSecond = _feedForwardNorm.Backward(pass, normalised);
        }

        using (dSecond)
        {
            var dx = _attention.Backward(pass, dy);
            if (_feedForwardNorm is null)
                Add(pass, dx, dSecond);
            if (_attentionNorm is not null)
            {
                using var normalised = dx;
                dx = _attentionNorm.Backward(pass, normalised);
            }

            if (_feedForwardNorm is not null)
                Add(pass, dx, dSecond);
            Add(pass, dx, dy);
            return dx;
        }
    }

    private static Activation Through(Norm? norm, Activation x, Pass pass)
    {
        if (norm is null)
            return x;
        using var input = x;
        return norm.Forward(pass, input);
    }

    private static Activation Scaled(Pass pass, Activation x, float factor)
    {
        if (factor == 1)
            return x.Share();
        var y = pass.Rent(x.Rows, x.Channels);
        TensorPrimitives.Multiply(x.Values, factor, y.Values);
        return y;
    }

    private static void Add(Pass pass, Activation to, Activation from) => Add(pass, to, from, (1, 1));

    // to = stream · from + part · to.
    private static void Add(Pass pass, Activation to, Activation from, (float Stream, float Part) factors) =>
        pass.ForRows(to.Rows, (first, end) =>
    {
        for (var row = first; row < end; row++)
        {
            var own = to.Row(row);
            if (factors.Part != 1)
                TensorPrimitives.Multiply(own, factors.Part, own);
            if (factors.Stream == 1)
                TensorPrimitives.Add(own, from.Row(row), own);
            else
                TensorPrimitives.MultiplyAdd(from.Row(row), factors.Stream, own, own);
        }
    });
}
