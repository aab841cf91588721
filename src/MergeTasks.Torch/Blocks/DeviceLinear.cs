using MergeTasks.Torch.Engine;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Blocks;
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
        Weight = spec.StoredByInput
            ? part.Get([spec.Weight], spec.Stack, spec.Inputs, spec.Outputs)
            : part.Get([spec.Weight], spec.Stack, spec.Outputs, spec.Inputs);
        _bias = spec.Bias ? part.Get(spec.BiasNames, spec.Stack, spec.Outputs) : null;
        Name = Linear.NameOf(spec, Weight.Name);
    }

    /// <summary>The module's name.</summary>
    public string Name { get; }

    /// <summary>The matrix, or the stack that it is a place of.</summary>
    public DeviceParameter Weight { get; }

    /// <summary>The stacks that hold the parameters.</summary>
    public IEnumerable<DeviceParameter> Stacks => _spec.Stack is null ? [] : new[] { Weight, _bias }.OfType<DeviceParameter>();

    /// <summary>Computes y; in bf16 precision operands and results are rounded, and the library sums in fp32.</summary>
    public Tensor Forward(DevicePass pass, Tensor x)
    {
        using var scope = NewDisposeScope();
        var weight = Clamped(pass.ValueOf(Weight, _spec.Stack?.Index));
        var right = _spec.StoredByInput ? weight : weight.t();
        var y = pass.Precision == DevicePrecision.Bf16
            ? x.to_type(ScalarType.BFloat16).matmul(right).to_type(ScalarType.Float32)
            : x.matmul(right);
        return (_bias is null ? y : y + pass.ValueOf(_bias, _spec.Stack?.Index)).MoveToOuterDisposeScope();
    }

    private Tensor Clamped(Tensor weight) =>
        _spec.Clamp is { } limit ? weight + (weight.clamp(-limit, limit) - weight).detach() : weight;
}
