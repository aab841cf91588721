using System.CommandLine;
using System.Text;
using System.Text.RegularExpressions;
using MergeTasks.Caching;
using MergeTasks.Files;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Searching;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary><c>search</c>: the best settings of a recipe's merge, as a recipe.</summary>
internal sealed partial class SearchCommand : ToolCommand
{
    private const string Heading = "# Written by mergetasks search.";

    private readonly RecipeOptions _recipe;

    private readonly Option<string[]> _evaluate = new("--evaluate")
    {
        Description = "JSONL of texts or samples that candidates are measured on, as for evaluate.",
        HelpName = "file",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string[]> _axes = new("--axis")
    {
        Description = "What is tried: \"Method=ties;linear\", \"Lambda=0.2..1.4\", \"Density=0.05..1 log\", "
            + "\"Weight of models/code=0.2..1 at 3 layers\".",
        HelpName = "setting=values",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _budget = new("--budget")
    {
        Description = "How many candidates are tried; default: 40.",
        HelpName = "n",
    };

    private readonly Option<string?> _objective = new("--objective")
    {
        Description = "mean-recovery (default), min-recovery or mean-log-probability.",
        HelpName = "name",
    };

    private readonly Option<string[]> _guards = new("--guard")
    {
        Description = "A file of --evaluate and the least 1 − L/L₀ there: eval/chat.jsonl:-0.02.",
        HelpName = "file:least",
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string?> _tokens = new("--tokens-per-text")
    {
        Description = "Most tokens of a text; default: 512.",
        HelpName = "n",
    };

    public SearchCommand(Streams streams)
        : base(
            "search",
            "Search the settings with which a recipe's merge does best on your data, and write them as a recipe beside it (.search.yml).",
            streams)
    {
        _recipe = new RecipeOptions(this, needsOutput: false);
        foreach (var option in new Option[] { _evaluate, _axes, _budget, _objective, _guards, _tokens })
            Options.Add(option);
    }

    protected override int Run(ParseResult parsed, Screen screen, CancellationToken cancellation)
    {
        var project = _recipe.Project(parsed, screen, out _);
        var recipe = project.Recipe!;
        var (found, record) = (Path.ChangeExtension(recipe, ".search.yml"), Path.ChangeExtension(recipe, ".search.json"));
        CheckOurs(found);
        var name = project.OnlyMerge();
        project.SearchFor(
            name,
            [
                ("Evaluate", string.Join(';', parsed.GetRequiredValue(_evaluate))),
                ("Guard", string.Join(';', parsed.GetValue(_guards) ?? [])),
                ("SearchFile", record),
                .. new[]
                {
                    ("Budget", parsed.GetValue(_budget)),
                    ("Objective", parsed.GetValue(_objective)),
                    ("TokensPerText", parsed.GetValue(_tokens)),
                }.Where(option => option.Item2 is not null).Select(option => (option.Item1, option.Item2!)),
            ]);
        foreach (var text in parsed.GetRequiredValue(_axes))
        {
            var (setting, metadata) = Axis(text);
            project.SearchAxis(setting, [("Into", name), .. metadata]);
        }

        using var progress = new ProgressLine(screen.Streams);
        var (search, result, yaml) = project.SearchRecipe(progress, cancellation);
        Write(found, $"{Heading} What was asked and measured is in {Path.GetFileName(record)}.\n{yaml}");
        screen.Show(
            new { recipe = found, record, settings = result.Settings, figures = result.Figures },
            () =>
            {
                foreach (var line in SearchTable.Of(search, result))
                    screen.Line(line);
                screen.Line(found);
            });
        return ExitCode.Done;
    }

    private static (string Setting, (string Name, string Value)[] Metadata) Axis(string text)
    {
        if (text.LastIndexOf('=') is not (> 0 and var at))
        {
            throw new DiagnosticException(
                DiagnosticCode.InvalidAxis, $"--axis '{text}' is no setting=values, such as Lambda=0.2..1.4 or Method=ties;linear.", null);
        }

        var (title, values) = (text[..at].Trim(), text[(at + 1)..].Trim());
        var of = title.Split(" of ", 2, StringSplitOptions.TrimEntries);
        List<(string, string)> metadata = of.Length > 1 ? [("Source", of[1])] : [];
        if (RangeText().Match(values) is { Success: true } range)
        {
            metadata.Add(("Range", range.Groups["ends"].Value));
            if (range.Groups["log"].Success)
                metadata.Add(("Scale", "log"));
            if (range.Groups["layers"].Success)
                metadata.Add(("Layers", range.Groups["layers"].Value));
        }
        else
        {
            metadata.Add(("Values", values));
        }

        return (of[0], [.. metadata]);
    }

    private static void CheckOurs(string path)
    {
        try
        {
            if (!File.Exists(path) || InputFile.ReadText(path).StartsWith(Heading, StringComparison.Ordinal))
                return;
        }
        catch (FileFault e)
        {
            throw new DiagnosticException(
                DiagnosticCode.OutputUnwritable, $"The recipe cannot be written: {e.Message}", new SourceLocation(path));
        }

        throw new DiagnosticException(
            DiagnosticCode.OutputUnwritable,
            $"'{path}', where the recipe with the settings that are found goes, was not written by a search. Move it away.",
            new SourceLocation(path));
    }

    private static void Write(string path, string text)
    {
        try
        {
            AtomicFile.WriteIfDifferent(path, Encoding.UTF8.GetBytes(text));
        }
        catch (FileFault e)
        {
            throw new DiagnosticException(
                DiagnosticCode.OutputUnwritable, $"The recipe cannot be written: {e.Message}", new SourceLocation(path));
        }
    }

    [GeneratedRegex(@"^(?<ends>\S+\.\.\S+)( (?<log>log))?( at (?<layers>\d+) layers)?$")]
    private static partial Regex RangeText();
}
