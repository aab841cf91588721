namespace MergeTasks.Language.Declarations;

/// <summary>Something of the project file that can be set or called: metadata, a property or a target.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">One sentence or two for the reference and for editors.</param>
internal sealed record SurfaceName(string Name, string Description)
{
    /// <summary>Used where nothing is given.</summary>
    public string? Default { get; init; }

    /// <summary>The default as the build writes it, where that is not the same.</summary>
    public string? BuildDefault { get; init; }

    /// <summary>Whether another value may mean another plan.</summary>
    public bool DecidesPlans { get; init; }

    /// <summary>The valid values; none: any.</summary>
    public IReadOnlyList<string> Values { get; init; } = [];

    /// <summary>What editors know of such values: <c>string</c>, <c>bool</c>, <c>int</c>, <c>file-or-folder</c>, …</summary>
    public string Type { get; init; } = "string";

    /// <summary>Whether several values may be given, separated by ';'.</summary>
    public bool IsList { get; init; }
}

/// <summary>An item type.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What an item of it is.</param>
/// <param name="Include">What its Include names.</param>
/// <param name="Metadata">Its metadata.</param>
internal sealed record SurfaceItem(string Name, string Description, string Include, IReadOnlyList<SurfaceName> Metadata)
{
    /// <summary>Whether metadata named like a parameter set it.</summary>
    public bool TakesParameters => MetadataNames.Contains("Parameters");

    /// <summary>The names of its metadata.</summary>
    public IReadOnlyList<string> MetadataNames { get; } = [.. Metadata.Select(metadata => metadata.Name)];
}
