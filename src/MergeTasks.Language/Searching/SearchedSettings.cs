namespace MergeTasks.Language.Searching;

/// <summary>One setting that a search has chosen.</summary>
/// <param name="Name">Its name as metadata.</param>
/// <param name="Value">Its value as metadata.</param>
internal sealed record SearchedSetting(string Name, string Value)
{
    /// <summary>The label of the model whose setting it is; <see langword="null"/>: the merge's.</summary>
    public string? Source { get; init; }
}

/// <summary>The settings that one candidate of a search has, or that a search has found.</summary>
/// <param name="Settings">One for each axis that means something beside the others.</param>
internal sealed record SearchedSettings(IReadOnlyList<SearchedSetting> Settings)
{
    /// <summary>None: the merge as it is declared.</summary>
    public static SearchedSettings None { get; } = new([]);

    /// <summary>The value for an axis; <see langword="null"/>: it has none.</summary>
    public string? Find(string name, string? source) => Settings.FirstOrDefault(setting =>
        setting.Name.Equals(name, StringComparison.OrdinalIgnoreCase) && setting.Source == source)?.Value;

    /// <summary>Those of axes that there are.</summary>
    public SearchedSettings Of(IReadOnlyList<SearchAxis> axes) => new([
        .. Settings.Where(setting => axes.Any(axis =>
            axis.Name.Equals(setting.Name, StringComparison.OrdinalIgnoreCase) && axis.Source == setting.Source))
    ]);

    /// <summary>For people, and different for different settings.</summary>
    public override string ToString() => Settings.Count == 0 ? "as declared" : string.Join(
        ", ", Settings.Select(setting => $"{setting.Name}{(setting.Source is null ? "" : $" of {setting.Source}")}={setting.Value}"));
}
