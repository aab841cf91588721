using MergeTasks.Checkpoints.Elements;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Parameters;

/// <summary>
/// The named values that a model is built from. Blocks ask by the names of the current layout; a checkpoint may have older ones: no name
/// of the inner model in front (saved without a head), or a layer norm's <c>gamma</c> and <c>beta</c>.
/// </summary>
internal sealed class ParameterSet
{
    private readonly IReadOnlyDictionary<string, ParameterValue> _values;
    private readonly string _innerPrefix;
    private readonly string _where;
    private readonly SortedDictionary<string, ParameterValue> _used = new(StringComparer.Ordinal);

    /// <summary>A set to build from.</summary>
    /// <param name="values">Every tensor by its name in the checkpoint.</param>
    /// <param name="innerPrefix">See <see cref="Architecture.TransformerSpec.InnerPrefix"/>.</param>
    /// <param name="where">The model's folder, for messages.</param>
    public ParameterSet(IReadOnlyDictionary<string, ParameterValue> values, string innerPrefix, string where)
    {
        _values = values;
        _innerPrefix = innerPrefix;
        _where = where;
    }

    /// <summary>The parameters asked for so far, by their names in the checkpoint.</summary>
    public IReadOnlyDictionary<string, ParameterValue> Used => _used;

    /// <summary>The name in the checkpoint of a parameter; null where it has none.</summary>
    public string? Resolve(string name)
    {
        foreach (var current in Spellings(name))
        {
            if (_values.ContainsKey(current))
                return current;
            if (_innerPrefix.Length > 0 && current.StartsWith(_innerPrefix, StringComparison.Ordinal) && _values.ContainsKey(current[_innerPrefix.Length..]))
                return current[_innerPrefix.Length..];
        }

        return null;
    }

    /// <summary>A parameter of the given shape, under the first of the given names that the checkpoint has.</summary>
    /// <exception cref="ModelException">There is none, or its shape or element type does not fit.</exception>
    public Parameter Get(IReadOnlyList<string> names, params long[] shape)
    {
        var name = names.Select(Resolve).FirstOrDefault(found => found is not null)
            ?? throw new ModelException(
                ModelError.MissingTensor, $"'{_where}' has no tensor '{names[0]}' of shape {Text(shape)}, which its configuration calls for.", _where);
        var value = _values[name];
        if (!value.Shape.SequenceEqual(shape))
        {
            throw new ModelException(
                ModelError.WrongTensor,
                $"'{_where}': tensor '{name}' has the shape {Text(value.Shape)}; the configuration calls for {Text(shape)}.",
                _where);
        }

        _used[name] = value;
        return new Parameter(name, Computable(name, value));
    }

    /// <inheritdoc cref="Get(IReadOnlyList{string}, long[])"/>
    public Parameter Get(string name, params long[] shape) => Get([name], shape);

    private ParameterValue Computable(string name, ParameterValue value)
    {
        if (value.DType is DType.F32 or DType.BF16 or DType.F16)
            return value;
        if (value.DType != DType.F64)
        {
            throw new ModelException(
                ModelError.WrongTensor, $"'{_where}': tensor '{name}' is {value.DType}; the engine computes with F32, F16, BF16 and F64.", _where);
        }

        unsafe
        {
            if (value.Data is null)
                return value;
        }

        var singles = new float[value.ElementCount];
        value.CopyTo(0, singles);
        return ParameterValue.FromSingles(value.Shape, singles);
    }

    private static IEnumerable<string> Spellings(string name)
    {
        yield return name;
        if (name.EndsWith("LayerNorm.weight", StringComparison.Ordinal))
            yield return name[..^"weight".Length] + "gamma";
        if (name.EndsWith("LayerNorm.bias", StringComparison.Ordinal))
            yield return name[..^"bias".Length] + "beta";
    }

    private static string Text(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape)}]";
}
