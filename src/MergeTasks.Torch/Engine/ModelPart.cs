using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Blocks;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Torch.Engine;

/// <summary>
/// A part of a model that runs at once: the tables, one layer, or the head. Its parameters are on the device while it is open.
/// </summary>
internal sealed class ModelPart(ParameterSet names)
{
    private readonly Dictionary<string, DeviceParameter> _parameters = new(StringComparer.Ordinal);

    /// <summary>The parameters.</summary>
    public IReadOnlyCollection<DeviceParameter> Parameters => _parameters.Values;

    /// <summary>A parameter of the part, for a block to keep; see <see cref="ParameterSet"/>.</summary>
    public DeviceParameter Get(IReadOnlyList<string> possibleNames, params IReadOnlyList<long> shape) => Get(possibleNames, null, shape);

    /// <summary>The stack that holds a parameter of the part, or the parameter where there is no stack.</summary>
    public DeviceParameter Get(IReadOnlyList<string> possibleNames, StackPlace? stack, params IReadOnlyList<long> shape)
    {
        var parameter = names.Get(possibleNames, stack, shape);
        if (!_parameters.TryGetValue(parameter.Name, out var known))
            _parameters.Add(parameter.Name, known = new DeviceParameter(parameter.Name, parameter.Value));
        return known;
    }

    /// <inheritdoc cref="Get(IReadOnlyList{string}, IReadOnlyList{long})"/>
    public DeviceParameter Get(string name, params IReadOnlyList<long> shape) => Get([name], null, shape);

    /// <summary>A constant, which is no parameter; see <see cref="ParameterSet.Constant"/>.</summary>
    public float[] Constant(string name, params IReadOnlyList<long> shape) => names.Constant(name, shape);

    /// <summary>The experts of a mixture as the checkpoint has them; see <see cref="Mixture.ExpertsOf"/>.</summary>
    public IReadOnlyList<MlpSpec> ExpertsOf(MixtureSpec mixture) => Mixture.ExpertsOf(mixture, names);

    /// <summary>Brings the parameters to the device; they live as long as the current scope.</summary>
    /// <param name="weights">The device's weights.</param>
    /// <param name="withGradients">Whether they become leaves of the graph.</param>
    public void Open(DeviceWeights weights, bool withGradients)
    {
        // Where this fails half-way, nothing of it stays on the device.
        using var scope = NewDisposeScope();
        foreach (var parameter in Parameters)
        {
            var value = weights.ToCompute(parameter.Source);
            parameter.Place(withGradients ? value.detach().requires_grad_(true) : value);
        }

        foreach (var parameter in Parameters)
            parameter.Value.MoveToOuterDisposeScope();
    }

    /// <summary>Forgets them.</summary>
    public void Close()
    {
        foreach (var parameter in Parameters)
            parameter.Place(null);
    }
}
