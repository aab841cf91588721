using System.Globalization;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;
using Microsoft.Build.Framework;

namespace MergeTasks.Tasks;

/// <summary>The project's properties, as the build has gathered them in items (<c>MergeTasks.Options.targets</c>).</summary>
internal sealed class GatheredProperties(ITaskItem[] items)
{
    private readonly Dictionary<string, string> _values =
        items.ToDictionary(item => item.ItemSpec, item => item.GetMetadata("Value"), StringComparer.OrdinalIgnoreCase);

    /// <summary>A property's value; empty where it has none. A relative path begins at the project, whoever set it and wherever.</summary>
    public string this[SurfaceName property] => _values.GetValueOrDefault(property.Name, "") switch
    {
        { Length: > 0 } path when property.Type is "file" or "folder" && !Path.IsPathRooted(path) =>
            Path.Combine(Path.GetDirectoryName(ProjectFile)!, path.Replace('\\', '/')),
        var value => value,
    };

    /// <summary>Full path of the project file.</summary>
    public string ProjectFile => this[ProjectProperties.ProjectFile];

    /// <summary>What all merges say that do not say otherwise, by metadata name.</summary>
    public IReadOnlyDictionary<string, string> OfAllMerges => MergeOptions.All.Where(option => option.IsProjectWide)
        .ToDictionary(
            option => option.Metadata, option => _values.GetValueOrDefault(option.PropertyName, ""), StringComparer.OrdinalIgnoreCase);

    /// <summary>Everything on which a plan may depend.</summary>
    public IEnumerable<string> Deciding =>
        ProjectProperties.OfTheBuild
            .Concat(ProjectProperties.All)
            .Where(property => property.DecidesPlans)
            .Select(property => this[property])
            .Concat(OfAllMerges.Values);

    /// <summary>A flag; false where it has no value.</summary>
    /// <exception cref="DiagnosticException">It is none.</exception>
    public bool Flag(SurfaceName property) =>
        this[property].Trim() is { Length: > 0 } text
            && (NumberText.ParseFlag(text.ToLowerInvariant()) ?? throw Invalid(property, "true or false"));

    /// <summary>A whole number from 0 on; 0 where it has no value.</summary>
    /// <exception cref="DiagnosticException">It is none.</exception>
    public int Whole(SurfaceName property) =>
        this[property].Trim() is not { Length: > 0 } text ? 0
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value
        : throw Invalid(property, "a whole number from 0 on");

    private DiagnosticException Invalid(SurfaceName property, string valid) => new(new Diagnostic(
        DiagnosticCode.InvalidValue,
        $"{property.Name} is {valid}, not '{this[property]}'.",
        Language.Declarations.ProjectFile.FindProperty(ProjectFile, property.Name)));
}
