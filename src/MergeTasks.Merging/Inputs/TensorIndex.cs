using MergeTasks.Checkpoints.Naming;

namespace MergeTasks.Merging.Inputs;

/// <summary>Finds a model's tensors by the names that other models have for them, and its stacks of layers.</summary>
/// <param name="model">The model.</param>
/// <param name="others">All names by which tensors will be looked for, where they are known: they tell which words are wrappers.</param>
internal sealed class TensorIndex(ModelInput model, IEnumerable<string>? others = null)
{
    private (string? Theirs, string? Own)? _wrappers;
    private IReadOnlyList<LayerRun>? _stacks;
    private Dictionary<string, string?>? _byCanonicalName;
    private Dictionary<string, string?>? _withoutFirst;
    private ILookup<(string Stack, int Layer), string>? _byLayer;

    public ModelInput Model => model;

    public IReadOnlyList<LayerRun> Stacks => _stacks ??= LayerRun.Of(model.Names);

    /// <summary>
    /// The name under which the model stores a tensor: the same; one that differs only by how the checkpoint was saved; or its embeddings,
    /// where a head is tied to them. <see langword="null"/> where it has none.
    /// </summary>
    public string? Find(string name)
    {
        if (Same(name) is { } same)
            return same;
        var substitutes = TensorNames.SharedWith(name).Concat(model.Config.TiesEmbeddings == false ? [] : TensorNames.TiedTo(name));
        return substitutes.Select(Canonical).FirstOrDefault(found => found is not null);
    }

    /// <summary>As <see cref="Find(string)"/>, but a head is not found in the embeddings.</summary>
    public string? Same(string name) => model.Find(name) is not null ? name : Canonical(TensorNames.Canonical(name)) ?? Wrapped(name);

    /// <summary>The stack with the same place in the model; <see langword="null"/> where it has none.</summary>
    public LayerRun? Find(LayerRun stack) =>
        Stacks.FirstOrDefault(own => own.Prefix == stack.Prefix)
            ?? Stacks.FirstOrDefault(own => TensorNames.Canonical(own.Prefix) == TensorNames.Canonical(stack.Prefix));

    /// <summary>The stack that a tensor belongs to.</summary>
    public LayerRun? StackOf(string tensor) => Stacks.FirstOrDefault(stack => stack.LayerOf(tensor) is not null);

    /// <summary>The tensors of one layer in ordinal order.</summary>
    public IEnumerable<string> Layer(LayerRun stack, int layer) =>
        (_byLayer ??= Stacks.SelectMany(own =>
            model.Names
                .Where(name => own.LayerOf(name) is not null)
                .Select(name => (own.Prefix, Layer: own.LayerOf(name)!.Value, Name: name)))
            .ToLookup(found => (found.Prefix, found.Layer), found => found.Name))[(stack.Prefix, layer)];

    // A bare backbone within another class: 'encoder.layer.0…' is 'mpnet.encoder.layer.0…', whatever the class is called.
    private string? Wrapped(string name)
    {
        var (theirs, own) = _wrappers ??= (Wrapper(others ?? [], model.Names), Wrapper(model.Names, others ?? []));
        if (theirs is not null && name.StartsWith(theirs, StringComparison.Ordinal) && model.Find(name[theirs.Length..]) is not null)
            return name[theirs.Length..];
        if (own is not null && model.Find(own + name) is not null)
            return own + name;
        _withoutFirst ??= model.Names
            .Where(own => own.Contains('.', StringComparison.Ordinal))
            .GroupBy(own => own[(own.IndexOf('.', StringComparison.Ordinal) + 1)..], StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Count() == 1 ? group.First() : null, StringComparer.Ordinal);
        if (_withoutFirst.GetValueOrDefault(name) is { } within
            && LayerPosition.LayerOf(name) is not null == LayerPosition.LayerOf(within) is not null)
            return within;
        var bare = name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];
        return bare.Length < name.Length
            && bare.Contains('.', StringComparison.Ordinal)
            && model.Find(bare) is not null
            && bare.Split('.').Length > 2 ? bare : null;
    }

    // The one first word under which most names have their counterparts without it, layers among them, and which those do not begin with.
    private static string? Wrapper(IEnumerable<string> within, IEnumerable<string> bare)
    {
        var without = bare.ToHashSet(StringComparer.Ordinal);
        var words = within.Where(name => name.Contains('.', StringComparison.Ordinal))
            .GroupBy(name => name[..(name.IndexOf('.', StringComparison.Ordinal) + 1)], StringComparer.Ordinal)
            .Where(group => !without.Any(name => name.StartsWith(group.Key, StringComparison.Ordinal)))
            .Where(group =>
            {
                var found = group.Where(name => without.Contains(name[group.Key.Length..])).ToList();
                return 2 * found.Count >= group.Count()
                    && found.Exists(name => LayerPosition.LayerOf(name[group.Key.Length..]) is not null);
            })
            .Select(group => group.Key)
            .Take(2)
            .ToList();
        return words is [var only] ? only : null;
    }

    // Two tensors that differ only by how they were saved would be one to any reader; neither is then found by that.
    private string? Canonical(string canonical) =>
        (_byCanonicalName ??= model.Names.GroupBy(TensorNames.Canonical, StringComparer.Ordinal)
            .ToDictionary(
                group => group.Key, group => group.Count() == 1 ? group.First() : null, StringComparer.Ordinal)).GetValueOrDefault(
                canonical);
}
