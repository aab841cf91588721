using System.Numerics.Tensors;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;
using MergeTasks.Transformers.Execution;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Transformers.Blocks;

/// <summary>What a layer adds of its per-layer vectors: norm(projection(f(gate(x)) · vector)), see <see cref="LayerInputSpec"/>.</summary>
internal sealed class LayerInput
{
    private readonly LayerInputSpec _spec;
    private readonly Linear _gate;
    private readonly Linear _projection;
    private readonly Norm _norm;
    private readonly ActivationFunction _function;

    /// <summary>Binds the parameters.</summary>
    public LayerInput(LayerInputSpec spec, ParameterSet parameters)
    {
        _spec = spec;
        _gate = new Linear(spec.Gate, parameters);
        _projection = new Linear(spec.Projection, parameters);
        _norm = new Norm(spec.Norm, parameters);
        _function = ActivationFunction.Of(spec.Activation);
    }

    /// <summary>The modules, in the order of computation.</summary>
    public IEnumerable<ModuleDescription> Modules => [_gate.Description, _projection.Description, .. _norm.Descriptions];

    private int Channels => _spec.Gate.Outputs;

    /// <summary>What is added.</summary>
    public Activation Forward(Pass pass, Activation x)
    {
        pass.Observe([_gate.Name], x);
        using var gate = _gate.Forward(pass, x);
        using var vectors = pass.Carried.Take(LayerTableSpec.Carried);
        using var gated = pass.Rent(x.Rows, Channels);
        pass.ForRows(x.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
                _function.Gate(gate.Row(row), Own(vectors, row), gated.Row(row));
        });
        pass.Tape?.Push(gate);
        pass.Tape?.Push(vectors);
        pass.Observe([_projection.Name], gated);
        using var projected = _projection.Forward(pass, gated);
        return _norm.Forward(pass, projected);
    }

    /// <summary>Hands out the parameters' gradients, gives back that of the vectors, and returns that of x.</summary>
    public Activation Backward(Pass pass, Activation dy)
    {
        using var dProjected = _norm.Backward(pass, dy);
        using var dGated = pass.Rent(dy.Rows, Channels);
        _projection.Backward(pass, dProjected, dGated, accumulate: false);
        using var vectors = pass.Tape!.Pop();
        using var gate = pass.Tape.Pop();
        using var dGate = pass.Rent(dy.Rows, Channels);
        var dVectors = pass.Carried.GradientOf(pass, LayerTableSpec.Carried);
        pass.ForRows(dy.Rows, (first, end) =>
        {
            for (var row = first; row < end; row++)
            {
                _function.GateBackward(gate.Row(row), Own(vectors, row), dGated.Row(row), dGate.Row(row), dGated.Row(row));
                TensorPrimitives.Add(Own(dVectors, row), dGated.Row(row), Own(dVectors, row));
            }
        });
        var dx = pass.Rent(dy.Rows, _spec.Gate.Inputs);
        _gate.Backward(pass, dGate, dx, accumulate: false);
        return dx;
    }

    private Span<float> Own(Activation vectors, int row) => vectors.Row(row).Slice(_spec.Index * Channels, Channels);
}
