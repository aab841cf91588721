namespace MergeTasks.Bench.Study;

/// <summary>What goes around a merge method.</summary>
[Flags]
internal enum Variant
{
    None = 0,
    Aim = 1,
    Apl = 2,
    Both = Aim | Apl,
}

/// <summary>One merge of the grid.</summary>
/// <param name="Method">The merge method.</param>
/// <param name="Variant">AIM and APL around it.</param>
/// <param name="Models">Names of the fine-tuned models; of <c>slerp</c>, the first is its base.</param>
/// <param name="Settings">What the grid varies, as metadata of <c>MergedModel</c>.</param>
internal sealed record Candidate(string Method, Variant Variant, IReadOnlyList<string> Models, IReadOnlyList<(string Name, string Value)> Settings)
{
    /// <summary>The merge's name.</summary>
    public string Name { get; } = string.Join('-', [Method, Variant.ToString(), .. Models, .. Settings.Select(setting => setting.Name + setting.Value)]);

    /// <summary>The settings for people.</summary>
    public string SettingsText => string.Join(", ", Settings.Select(setting => $"{setting.Name} {setting.Value}"));

    /// <summary>A model as it is.</summary>
    public static Candidate Of(string model) => new("passthrough", Variant.None, [model], []);
}
