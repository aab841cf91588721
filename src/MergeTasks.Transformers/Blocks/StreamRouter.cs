using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>
/// The factors with which residual streams are mixed: M · tanh(R · norm(x) / width), M being the matrix of the prediction or of the
/// correction. See <see cref="AlternatingSpec"/>.
/// </summary>
internal sealed class StreamRouter
{
    private readonly Norm _norm;
    private readonly Linear _router;
    private readonly Linear _factors;
    private readonly int _width;
    private readonly int _streams;

    /// <summary>Binds the parameters.</summary>
    public StreamRouter(AlternatingSpec spec, LinearSpec factors, ParameterSet parameters)
    {
        _norm = new Norm(spec.RouterNorm, parameters);
        _router = new Linear(spec.Router, parameters);
        _factors = new Linear(factors, parameters);
        _width = spec.Width;
        _streams = spec.Streams;
    }

    /// <summary>The modules, in the order of computation.</summary>
    public IEnumerable<ModuleDescription> Modules => [.. _norm.Descriptions, _router.Description, _factors.Description];

    /// <summary>The factors of each row.</summary>
    public Activation Forward(Pass pass, Activation x)
    {
        using var normalised = _norm.Forward(pass, x);
        TensorPrimitives.Divide(normalised.Values, _width, normalised.Values);
        pass.Observe([_router.Name], normalised);
        using var routed = _router.Forward(pass, normalised);
        TensorPrimitives.Tanh(routed.Values, routed.Values);
        pass.Observe([_factors.Name], routed);
        pass.Tape?.Push(routed);
        return _factors.Forward(pass, routed);
    }

    /// <summary>Hands out the parameters' gradients and returns that of x.</summary>
    public Activation Backward(Pass pass, Activation dFactors)
    {
        using var dRouted = pass.Rent(dFactors.Rows, _streams);
        _factors.Backward(pass, dFactors, dRouted, accumulate: false);
        using (var routed = pass.Tape!.Pop())
        {
            var values = routed.Values;
            var slopes = dRouted.Values;
            for (var i = 0; i < values.Length; i++)
                slopes[i] *= 1 - values[i] * values[i];
        }

        using var dNormalised = pass.Rent(dFactors.Rows, _width);
        _router.Backward(pass, dRouted, dNormalised, accumulate: false);
        TensorPrimitives.Divide(dNormalised.Values, _width, dNormalised.Values);
        return _norm.Backward(pass, dNormalised);
    }
}
