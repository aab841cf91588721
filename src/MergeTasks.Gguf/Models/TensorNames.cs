using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Blocks;
using MergeTasks.Transformers.Parameters;

namespace MergeTasks.Gguf.Models;

/// <summary>Finds a checkpoint's tensors by the names that a model's description has for them.</summary>
internal interface ITensorNames
{
    /// <summary>The checkpoint's name of a tensor.</summary>
    /// <param name="names">Names that it may have.</param>
    /// <param name="stack">Its place in a stack; <see langword="null"/>: it is no part of one.</param>
    /// <param name="shape">Its dimensions, those of one place.</param>
    string Find(IReadOnlyList<string> names, StackPlace? stack, params IReadOnlyList<long> shape);

    /// <summary>The experts as the checkpoint has them.</summary>
    IReadOnlyList<MlpSpec> ExpertsOf(MixtureSpec mixture);
}

/// <summary>The tensors of a checkpoint that is there.</summary>
/// <param name="parameters">Its tensors.</param>
internal sealed class StoredNames(ParameterSet parameters) : ITensorNames
{
    /// <inheritdoc/>
    public string Find(IReadOnlyList<string> names, StackPlace? stack, params IReadOnlyList<long> shape) =>
        parameters.Get(names, stack, shape).Name;

    /// <inheritdoc/>
    public IReadOnlyList<MlpSpec> ExpertsOf(MixtureSpec mixture) => Mixture.ExpertsOf(mixture, parameters);
}

/// <summary>The tensors that a checkpoint would have.</summary>
internal sealed class WantedNames : ITensorNames
{
    private readonly Dictionary<string, IReadOnlyList<long>> _shapes = new(StringComparer.Ordinal);

    /// <summary>The dimensions of each tensor that was asked for.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<long>> Shapes => _shapes;

    /// <inheritdoc/>
    public string Find(IReadOnlyList<string> names, StackPlace? stack, params IReadOnlyList<long> shape)
    {
        _shapes[names[0]] = stack is { } place ? [place.Count, .. shape] : [.. shape];
        return names[0];
    }

    /// <inheritdoc/>
    public IReadOnlyList<MlpSpec> ExpertsOf(MixtureSpec mixture) => mixture.Experts;
}
