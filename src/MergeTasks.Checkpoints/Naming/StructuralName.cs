namespace MergeTasks.Checkpoints.Naming;

/// <summary>
/// Finds a tensor under the name that another class of the same model has for it. What lies within a layer is called the same everywhere;
/// what comes before (<c>model.language_model.layers.</c>, <c>language_model.model.layers.</c>) is a path through wrappers, of which a
/// model's parts share more or fewer words. The part with the most words in common is meant, if there is one such part.
/// </summary>
internal static class StructuralName
{
    /// <summary>Finds a tensor.</summary>
    /// <param name="name">The name elsewhere.</param>
    /// <param name="names">All names of the model.</param>
    /// <returns><see langword="null"/> where none fits, or several do equally well.</returns>
    public static string? Find(string name, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var (path, tail) = Split(name);
        var best = names.Select(own => (Name: own, Parts: Split(own)))
            .Where(own => own.Parts.Tail == tail)
            .Select(own =>
                (own.Name,
                    Common: own.Parts.Path.Intersect(path).Count(),
                    Strange: own.Parts.Path.Except(path).Count(word => !IsWrapper(word))
                        + path.Except(own.Parts.Path).Count(word => !IsWrapper(word))))
            .OrderBy(own => own.Strange).ThenByDescending(own => own.Common).Take(2).ToList();
        return best switch
        {
            [{ Strange: 0 } only] => only.Name,
            [{ Strange: 0 } first, var second] when second.Strange > 0 || second.Common < first.Common => first.Name,
            _ => null,
        };
    }

    // Words that a class puts around a model and that say nothing of the part within.
    private static bool IsWrapper(string word) =>
        word is "model" or "language_model" or "text_model" or "transformer" or "base_model" or "backbone" or "module" or "vlm" or "llm";

    // Up to the last word before the layer's number (or, beside the layers, before the last module), and from there on.
    private static (string[] Path, string Tail) Split(string name)
    {
        var parts = name.Split('.');
        var number = Array.FindIndex(parts, part => part.Length > 0 && part.All(char.IsAsciiDigit));
        var start = number > 0 ? number - 1 : Math.Max(0, parts.Length - 2);
        return (parts[..start], string.Join('.', parts[start..]));
    }
}
