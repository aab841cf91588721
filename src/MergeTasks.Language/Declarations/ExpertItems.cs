using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Experts;
using MergeTasks.Language.Options;

namespace MergeTasks.Language.Declarations;

/// <summary>Reads what <c>MergeSource</c> items say of experts.</summary>
/// <param name="folder">The project's folder.</param>
/// <param name="report">Receives each finding.</param>
internal sealed class ExpertItems(string folder, Action<Diagnostic> report)
{
    private const string Shared = "SharedExpert";
    private const string Scale = "ResidualScale";
    private const string Noise = "NoiseScale";
    private const string Positive = "PositivePrompts";
    private const string Negative = "NegativePrompts";

    /// <summary>The metadata.</summary>
    public static IReadOnlyList<SurfaceName> Surface { get; } =
    [
        new(Positive, "Of an expert: texts that it is for, separated by ';'.") { IsList = true },
        new(Positive + "File", "Of an expert: a file with texts that it is for, one a line.") { Type = "file" },
        new(Negative, "Of an expert: texts that it is not for, separated by ';'.") { IsList = true },
        new(Negative + "File", "Of an expert: a file with texts that it is not for, one a line.") { Type = "file" },
        new(Shared, "Whether the expert sees every token.") { Default = "false", Type = "bool" },
        new(Scale, "Of an expert: what its result is multiplied by.") { Default = "1" },
        new(Noise, "Of an expert: the standard deviation of normal noise on its matrices, by the merge's seed.") { Default = "0" },
    ];

    /// <summary>Whether an item says something that only experts have.</summary>
    public static bool Mentions(DeclaredItem item) => Surface.Any(name => item[name.Name] is not null);

    /// <summary>Reads one.</summary>
    public ExpertDeclaration Read(DeclaredItem item)
    {
        var files = new List<string>();
        return new ExpertDeclaration(item.Location)
        {
            IsShared = item[Shared] is { } flag && Valid(item, Shared, NumberText.ParseFlag(flag), "is true or false") == true,
            PositivePrompts = Prompts(item, Positive, files),
            NegativePrompts = Prompts(item, Negative, files),
            NoiseScale = item[Noise] is { } noise
                ? Valid<double>(item, Noise, NumberText.ParseFinite(noise) is >= 0 and var value ? value : null, "is a number from 0 on") : null,
            ResidualScale = item[Scale] is { } text ? Valid(item, Scale, NumberText.ParseFinite(text), "is a number") : null,
            Files = files,
        };
    }

    private T? Valid<T>(DeclaredItem item, string metadata, T? value, string wanted)
        where T : struct
    {
        if (value is null)
            report(ItemMetadata.Invalid(item, metadata, $"{metadata} {wanted}, not '{item[metadata]}'."));
        return value;
    }

    private List<string> Prompts(DeclaredItem item, string metadata, List<string> files)
    {
        var prompts = (item[metadata] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).ToList();
        var named = metadata + "File";
        if (item[named] is not { } file)
            return prompts;
        var path = UserPath.Full(folder, file, () => item.LocationOf(named));
        files.Add(path);
        try
        {
            prompts.AddRange(InputFile.ReadTextLines(path).Where(line => !string.IsNullOrWhiteSpace(line)));
        }
        catch (FileFault e)
        {
            report(new Diagnostic(
                DiagnosticCode.BadScoringData, $"{item.Type} '{item.Include}': the prompts {e.Message}", item.LocationOf(named)));
        }

        return prompts;
    }
}
