using MergeTasks.Transformers.Engine;

namespace MergeTasks.Torch.Engine;

/// <summary>
/// A parameter of a model: its name in the checkpoint, its numbers there, and, while its part of the model runs, on the device.
/// </summary>
internal sealed class DeviceParameter(string name, ParameterValue source)
{
    private Tensor? _value;

    /// <summary>The name in the checkpoint.</summary>
    public string Name => name;

    /// <summary>The numbers in the checkpoint.</summary>
    public ParameterValue Source => source;

    /// <summary>The numbers on the device, in the type that products take: a leaf of the graph where gradients are recorded.</summary>
    /// <exception cref="InvalidOperationException">The part that the parameter belongs to is not open.</exception>
    public Tensor Value => _value ?? throw new InvalidOperationException($"'{name}' is not on the device.");

    /// <summary>Sets, or with <see langword="null"/> forgets, the numbers on the device.</summary>
    public void Place(Tensor? value) => _value = value;
}
