using MergeTasks.Checkpoints.Elements;
using MergeTasks.Transformers.Architecture;
using MergeTasks.Transformers.Engine;

namespace MergeTasks.Transformers.Parameters;

/// <summary>
/// The named values that a model is built from. Blocks ask by the names of the current layout; a checkpoint may have older ones: no name
/// of the inner model in front (saved without a head), or a layer norm's <c>gamma</c> and <c>beta</c>. Where the model is a part of another
/// one, that part's name stands before or after the inner model's.
/// </summary>
internal sealed class ParameterSet
{
    private readonly IReadOnlyDictionary<string, ParameterValue> _values;
    private readonly string _innerPrefix;
    private readonly string _outerName;
    private readonly string _where;
    private readonly SortedDictionary<string, ParameterValue> _used = new(StringComparer.Ordinal);
    private readonly List<string> _bound = [];
    private readonly Dictionary<string, ParameterUses> _uses = new(StringComparer.Ordinal);

    /// <summary>A set to build from.</summary>
    /// <param name="values">Every tensor by its name in the checkpoint.</param>
    /// <param name="spec">Gives the names that checkpoints may have before others, or lack.</param>
    /// <param name="where">The model's folder, for messages.</param>
    public ParameterSet(IReadOnlyDictionary<string, ParameterValue> values, TransformerSpec spec, string where)
    {
        _values = values;
        _innerPrefix = spec.InnerPrefix;
        _outerName = spec.OuterName;
        _where = where;
    }

    /// <summary>The parameters asked for so far, by their names in the checkpoint.</summary>
    public IReadOnlyDictionary<string, ParameterValue> Used => _used;

    /// <summary>Names of the parameters that blocks have asked for since this was last called.</summary>
    public IReadOnlyList<string> TakeBound()
    {
        string[] bound = [.. _bound];
        _bound.Clear();
        return bound;
    }

    /// <summary>How many blocks use a parameter, by its name in the checkpoint.</summary>
    public int UsesOf(string name) => _uses[name].Count;

    /// <summary>The name in the checkpoint of a parameter; null where it has none.</summary>
    public string? Resolve(string name)
    {
        return Spellings(name).SelectMany(Places).FirstOrDefault(_values.ContainsKey);

        IEnumerable<string> Places(string current)
        {
            var inner = _innerPrefix.Length > 0 && current.StartsWith(_innerPrefix, StringComparison.Ordinal)
                ? current[_innerPrefix.Length..]
                : null;
            if (_outerName.Length > 0)
            {
                yield return _outerName + current;
                if (inner is not null)
                    yield return _innerPrefix + _outerName + inner;
            }

            yield return current;
            if (inner is not null)
                yield return inner;
        }
    }

    /// <summary>A parameter of the given shape, under the first of the given names that the checkpoint has.</summary>
    /// <exception cref="ModelException">There is none, or its shape or element type does not fit.</exception>
    public Parameter Get(IReadOnlyList<string> names, params IReadOnlyList<long> shape) => Get(names, null, shape);

    /// <inheritdoc cref="Get(IReadOnlyList{string}, IReadOnlyList{long})"/>
    public Parameter Get(string name, params IReadOnlyList<long> shape) => Get([name], null, shape);

    /// <summary>A place of a stack of parameters, or a parameter where there is no stack.</summary>
    /// <exception cref="ModelException">There is none, or its shape or element type does not fit.</exception>
    public Parameter Get(IReadOnlyList<string> names, StackPlace? stack, params IReadOnlyList<long> shape)
    {
        var (name, value, uses) = Find(names, stack is { } place ? [place.Count, .. shape] : shape);

        // The places of a stack are as many parts of one use.
        if (stack is null or { Index: 0 })
            uses.Count++;
        return new Parameter(name, value, uses, stack?.Index);
    }

    /// <summary>A parameter whose gradient is formed elsewhere, or by nobody because it is a constant.</summary>
    /// <exception cref="ModelException">There is none, or its shape or element type does not fit.</exception>
    public Parameter Borrow(string name, params IReadOnlyList<long> shape)
    {
        var (found, value, uses) = Find([name], shape);
        return new Parameter(found, value, uses);
    }

    /// <summary>A constant, which is no parameter, as fp32.</summary>
    /// <exception cref="ModelException">There is none, or its shape or element type does not fit.</exception>
    public float[] Constant(string name, params IReadOnlyList<long> shape)
    {
        var (_, value) = Check([name], shape);
        var numbers = new float[value.ElementCount];
        value.CopyTo(0, numbers);
        return numbers;
    }

    private (string Name, ParameterValue Value, ParameterUses Uses) Find(IReadOnlyList<string> names, IReadOnlyList<long> shape)
    {
        var (name, value) = Check(names, shape);
        _used[name] = value;
        _bound.Add(name);
        if (!_uses.TryGetValue(name, out var uses))
            _uses.Add(name, uses = new ParameterUses());
        return (name, Computable(name, value), uses);
    }

    private (string Name, ParameterValue Value) Check(IReadOnlyList<string> names, IReadOnlyList<long> shape)
    {
        var name = names.Select(Resolve).FirstOrDefault(found => found is not null)
            ?? throw new ModelException(
                ModelError.MissingTensor,
                $"'{_where}' has no tensor '{names[0]}' of shape {Text(shape)}, which its configuration calls for.",
                _where);
        var value = _values[name];
        if (!value.Shape.SequenceEqual(shape))
        {
            throw new ModelException(
                ModelError.WrongTensor,
                $"'{_where}': tensor '{name}' has the shape {Text(value.Shape)}; the configuration calls for {Text(shape)}.",
                _where);
        }

        return (name, value);
    }

    private ParameterValue Computable(string name, ParameterValue value)
    {
        if (value.DType is DType.F32 or DType.BF16 or DType.F16)
            return value;
        if (value.DType != DType.F64)
        {
            throw new ModelException(
                ModelError.WrongTensor,
                $"'{_where}': tensor '{name}' is {value.DType}; the engine computes with F32, F16, BF16 and F64.",
                _where);
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

        // Mixtral's block, as version 5 of transformers calls it in memory.
        if (name.Contains(".block_sparse_moe.", StringComparison.Ordinal))
            yield return name.Replace(".block_sparse_moe.", ".mlp.", StringComparison.Ordinal);
    }

    private static string Text(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape)}]";
}
