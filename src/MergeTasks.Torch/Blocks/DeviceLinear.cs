using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Blocks;

/// <summary>y = x · Wᵀ + b.</summary>
internal sealed class DeviceLinear
{
    private readonly LinearSpec _spec;
    private readonly DeviceParameter? _bias;

    /// <summary>Binds the parameters.</summary>
    public DeviceLinear(LinearSpec spec, ModelPart part)
    {
        _spec = spec;
        Weight = spec.StoredByInput ? part.Get(spec.Weight, spec.Inputs, spec.Outputs) : part.Get(spec.Weight, spec.Outputs, spec.Inputs);
        _bias = spec.Bias ? part.Get(spec.BiasNames, spec.Outputs) : null;
        // A module is named as its weight is in the checkpoint, unless it only borrows that weight.
        Name = spec.Weight == spec.Module + ".weight" ? Weight.Name[..^".weight".Length] : spec.Module;
    }

    /// <summary>The module's name.</summary>
    public string Name { get; }

    /// <summary>The matrix.</summary>
    public DeviceParameter Weight { get; }

    /// <summary>Computes y; in bf16 precision operands and results are rounded, and the library sums in fp32.</summary>
    public Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        var right = _spec.StoredByInput ? Weight.Value : Weight.Value.t();
        var y = pass.Precision == DevicePrecision.Bf16
            ? x.to_type(ScalarType.BFloat16).matmul(right).to_type(ScalarType.Float32)
            : x.matmul(right);
        return (_bias is null ? y : y + _bias.Value).MoveToOuterDisposeScope();
    }
}
