namespace MergeTasks.Checkpoints.Naming;

/// <summary>
/// The names that modules have in current classes, where checkpoints keep older ones: language models within others were
/// <c>language_model.model.…</c> (or, beside <c>visual.…</c>, <c>model.…</c>), and are <c>model.language_model.…</c> since
/// transformers 4.52, which renames while loading; adapters are loaded without that.
/// </summary>
internal static class ModuleNames
{
    private const string Inner = "language_model.model.";
    private const string Head = "language_model.lm_head.";
    private const string Now = "model.language_model.";
    private const string Visual = "visual.";
    private const string Model = "model.";
    private const string OuterHead = "lm_head.";

    /// <summary>How the tensors of a checkpoint are called in the class that loads it; as they are where no rule is known.</summary>
    /// <param name="architecture">The class.</param>
    /// <param name="names">All names of the checkpoint.</param>
    public static Func<string, string> In(string? architecture, IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        if (architecture?.EndsWith("ForConditionalGeneration", StringComparison.Ordinal) != true)
            return name => name;
        var all = names.ToList();
        if (all.Exists(name => Begins(name, Inner)) && !all.Exists(name => Begins(name, Model)))
            return name => Begins(name, Inner) ? Now + name[Inner.Length..]
                : Begins(name, Head) ? name["language_model.".Length..]
                : Begins(name, OuterHead) ? name
                : Model + name;
        return all.Exists(name => Begins(name, Visual)) && all.Exists(name => Begins(name, Model)) && !all.Exists(name => Begins(name, Now))
            ? name => Begins(name, Visual) ? Model + name : Begins(name, Model) ? Now + name[Model.Length..] : name
            : name => name;
    }

    private static bool Begins(string name, string prefix) => name.StartsWith(prefix, StringComparison.Ordinal);
}
