using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;
using MergeTasks.Methods.Loading;

namespace MergeTasks.Language.Declarations;

/// <summary>The metadata of <c>MergedModel</c> and <c>MergeSource</c>, and how parameters are read from them.</summary>
internal static class ItemMetadata
{
    public const string MergedModel = "MergedModel";
    public const string MergeSource = "MergeSource";

    /// <summary>The adapter on a source.</summary>
    public const string Adapter = "Adapter";

    /// <summary>Whose vocabulary a merge gets.</summary>
    public const string TokenizerSource = "TokenizerSource";

    /// <summary>What the number of embedding rows is rounded up to a multiple of.</summary>
    public const string TokenizerPadToMultipleOf = "TokenizerPadToMultipleOf";

    /// <summary>The chat template of a merge.</summary>
    public const string ChatTemplate = "ChatTemplate";

    /// <summary>The adapter on the base.</summary>
    public const string BaseAdapter = "BaseAdapter";

    /// <summary>Whether the statement of provenance has the SHA-256 of the weight files.</summary>
    public const string HashWeights = "HashWeights";

    /// <summary>
    /// Reports metadata that nothing reads but that is one or two letters away from one that is read. Other metadata is the user's own.
    /// </summary>
    /// <param name="item">A <c>MergedModel</c> or a <c>MergeSource</c>.</param>
    /// <param name="methods">Whose parameters are metadata too.</param>
    /// <param name="report">Receives each finding.</param>
    public static void CheckSpelling(DeclaredItem item, MethodCatalog methods, Action<Diagnostic> report)
    {
        var valid = (item.Type == MergedModel ? ProjectSurface.MergedModel : ProjectSurface.MergeSource).MetadataNames
            .Concat(methods.MetadataNames.Keys)
            .ToList();
        foreach (var name in item.Metadata.Keys.Where(name => name.Length > 3 && !valid.Contains(name, StringComparer.OrdinalIgnoreCase)))
        {
            if (Suggestion.Closest(name, valid) is { } closest)
                report(
                    new Diagnostic(
                        DiagnosticCode.MisspeltMetadata,
                        $"{item.Type} '{item.Include}': nothing reads the metadata '{name}'. Did you mean '{closest}'?",
                        item.LocationOf(name)));
        }
    }

    /// <summary>The settings of an item: metadata named like a parameter, and <c>Parameters="name=value;…"</c>.</summary>
    public static Dictionary<string, Setting> ReadSettings(DeclaredItem item, MethodCatalog methods, Action<Diagnostic> report)
    {
        var settings = new Dictionary<string, Setting>(StringComparer.Ordinal);
        foreach (var name in item.Metadata.Keys)
        {
            if (methods.MetadataNames.TryGetValue(name, out var parameter) && item[name] is { } value)
                Add(settings, parameter, value, item, name, report);
        }

        foreach (var pair in (item["Parameters"] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (pair.Split('=', 2, StringSplitOptions.TrimEntries) is [var name, var value])
                Add(settings, name, value, item, "Parameters", report);
            else
                report(Invalid(item, "Parameters", $"'{pair}' is not of the form 'name=value'."));
        }

        return settings;
    }

    public static Diagnostic Invalid(DeclaredItem item, string metadata, string message) =>
        new(DiagnosticCode.InvalidValue, $"{item.Type} '{item.Include}': {message}", item.LocationOf(metadata));

    private static void Add(
        Dictionary<string, Setting> settings, string name, string value, DeclaredItem item, string metadata, Action<Diagnostic> report)
    {
        if (SettingText.Parse(value) is { } setting)
        {
            settings[name] = setting;
            return;
        }

        settings[name] = new Setting.Unreadable();
        var hint = value.Contains(',', StringComparison.Ordinal)
            ? " Use '.' as decimal separator, and brackets for a gradient: [0.1, 0.9]."
            : "";
        report(Invalid(item, metadata, $"the value '{value}' of '{name}' is not a number or true/false.{hint}"));
    }
}

/// <summary>Reads a parameter's value from text: a number, a flag, or a gradient in brackets.</summary>
internal static class SettingText
{
    /// <summary>A number, a flag, or <c>[a, b, c]</c>; <see langword="null"/> for anything else.</summary>
    public static Setting? Parse(string text)
    {
        text = text.Trim();
        if (text is not ['[', .. var inner, ']'])
            return NumberText.Parse(text) is { } single ? new Setting.Number(single) : null;
        var values = inner.Split(',').Select(NumberText.Parse).ToList();
        return values.Contains(null) ? null : new Setting.Gradient([.. values.Select(value => value!.Value)]);
    }
}
