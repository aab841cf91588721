using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;

namespace MergeTasks.Torch.Blocks;

/// <summary>What a layer adds of its per-layer vectors: norm(projection(f(gate(x)) · vector)), see <see cref="LayerInputSpec"/>.</summary>
internal sealed class DeviceLayerInput(LayerInputSpec spec, ModelPart part)
{
    private readonly DeviceLinear _gate = new(spec.Gate, part);
    private readonly DeviceLinear _projection = new(spec.Projection, part);
    private readonly DeviceNorm _norm = new(spec.Norm, part);

    /// <summary>What is added.</summary>
    public Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        pass.Observe([_gate.Name], x);
        var vectors = pass.Take(LayerTableSpec.Carried).narrow(1, spec.Index * spec.Gate.Outputs, spec.Gate.Outputs);
        var gated = DeviceFunctions.Apply(spec.Activation, _gate.Forward(pass, x)) * vectors;
        pass.Observe([_projection.Name], gated);
        return _norm.Forward(pass, _projection.Forward(pass, gated)).MoveToOuterDisposeScope();
    }
}
