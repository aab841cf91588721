namespace MergeTasks.Checkpoints.Naming;

/// <summary>
/// Finds tensors under the names that another class of the same model has for them. What comes before a layer's number
/// (<c>model.language_model.layers.</c>, <c>language_model.model.layers.</c>) is a path through wrappers, of which a model's parts share
/// more or fewer words; the part with the most words in common is meant, if there is one such part. What lies within a layer is called the
/// same everywhere, except that a block as a whole may have another name (<c>mlp.gate</c>, <c>block_sparse_moe.gate</c>).
/// </summary>
/// <param name="names">All names of the model.</param>
internal sealed class StructuralNames(IEnumerable<string> names)
{
    private readonly List<string> _names = [.. names];
    private ILookup<string, (string Name, string[] Path)>? _byTail;
    private ILookup<(string Layer, string Remainder), (string Name, string Block)>? _byRest;
    private HashSet<string>? _blocks;

    /// <summary>Finds a tensor.</summary>
    /// <param name="name">The name elsewhere.</param>
    /// <returns><see langword="null"/> where none fits, or several do equally well.</returns>
    public string? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return InRenamedBlock(name) is { } renamed ? Nearest(renamed) : Nearest(name);
    }

    private string? Nearest(string name)
    {
        _byTail ??= _names.Select(own => (Name: own, Parts: Split(own))).ToLookup(
            own => own.Parts.Tail, own => (own.Name, own.Parts.Path), StringComparer.Ordinal);
        var (path, tail) = Split(name);
        var best = _byTail[tail]
            .Select(own =>
                (own.Name,
                    Common: own.Path.Intersect(path).Count(),
                    Strange: own.Path.Except(path).Count(word => !IsWrapper(word)) + path.Except(own.Path).Count(word => !IsWrapper(word))))
            .OrderBy(own => own.Strange).ThenByDescending(own => own.Common).Take(2).ToList();
        return best switch
        {
            [{ Strange: 0 } only] => only.Name,
            [{ Strange: 0 } first, var second] when second.Strange > 0 || second.Common < first.Common => first.Name,
            _ => null,
        };
    }

    // The model has no block of that name in any layer, and one other block of this layer has the same within.
    private string? InRenamedBlock(string name)
    {
        if (Within(name) is not { } asked)
            return null;
        _byRest ??= _names.Select(own => (Name: own, Within: Within(own))).Where(own => own.Within is not null)
            .ToLookup(own => (own.Within!.Value.Layer, own.Within.Value.Remainder), own => (own.Name, own.Within!.Value.Block));
        _blocks ??= [.. _byRest.SelectMany(group => group.Select(own => own.Block))];
        if (_blocks.Contains(asked.Block))
            return null;
        var others = _byRest[(asked.Layer, asked.Remainder)].Select(own => own.Block).Distinct().Take(2).ToList();
        return others is [var only] ? asked.Path + asked.Layer + "." + only + "." + asked.Remainder : null;
    }

    // Words that a class puts around a model and that say nothing of the part within.
    private static bool IsWrapper(string word) =>
        word is "model" or "language_model" or "text_model" or "transformer" or "base_model" or "backbone" or "module" or "vlm" or "llm";

    // Up to the last word before the layer's number (or, beside the layers, before the last module), and from there on.
    private static (string[] Path, string Tail) Split(string name)
    {
        var parts = name.Split('.');
        var number = NumberIn(parts);
        var start = number > 0 ? number - 1 : Math.Max(0, parts.Length - 2);
        return (parts[..start], string.Join('.', parts[start..]));
    }

    // A path, 'layers.0', a block, and a parameter of a module of the block.
    private static (string Path, string Layer, string Block, string Remainder)? Within(string name)
    {
        var parts = name.Split('.');
        var number = NumberIn(parts);
        return number > 0 && parts.Length >= number + 4
            ? (string.Concat(parts[..(number - 1)].Select(part => part + ".")),
                string.Join('.', parts[(number - 1)..(number + 1)]), parts[number + 1], string.Join('.', parts[(number + 2)..]))
            : null;
    }

    private static int NumberIn(string[] parts) => Array.FindIndex(parts, part => part.Length > 0 && part.All(char.IsAsciiDigit));
}
