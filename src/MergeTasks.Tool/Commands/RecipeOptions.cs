using System.CommandLine;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Library;
using MergeTasks.Tool.Terminal;

namespace MergeTasks.Tool.Commands;

/// <summary>A recipe without a project file, with the options of mergekit-yaml by their names.</summary>
internal sealed class RecipeOptions
{
    private readonly Argument<string> _recipe = new("recipe") { Description = "The recipe (.yml or .yaml)." };
    private readonly Argument<string> _output = new("out") { Description = "Folder of the merged model; default: merged." };

    private readonly Option<string[]> _set = new("--set")
    {
        Description = "Metadata of MergedModel, such as --set Compatibility=mergekit --set Apl=layer.",
        HelpName = "name=value",
    };

    private readonly Option<string?> _seed = new("--random-seed") { Description = "Seed of random masks; default: 0.", HelpName = "n" };

    private readonly Option<string?> _shard = new("--out-shard-size")
    {
        Description = "Size of one weight file: 5B (billions of bytes, as mergekit writes it), 5GB, 512MiB.",
        HelpName = "size",
    };

    private readonly Option<string?> _intermediate = new("--intermediate-dir")
    {
        Description = "Folder of the steps of a recipe with several documents; default: beside the merged model.",
        HelpName = "folder",
    };

    private readonly SharedOptions _shared;

    /// <summary>Adds the arguments and options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="needsOutput">Whether the output folder must be named.</param>
    public RecipeOptions(Command command, bool needsOutput)
    {
        _output.Arity = needsOutput ? ArgumentArity.ExactlyOne : ArgumentArity.ZeroOrOne;
        if (needsOutput)
            _output.Description = "Folder of the merged model.";
        command.Arguments.Add(_recipe);
        command.Arguments.Add(_output);
        command.Options.Add(_set);
        command.Options.Add(_seed);
        command.Options.Add(_shard);
        command.Options.Add(_intermediate);
        _shared = new SharedOptions(command);
        _shared.AddSharedCache(command);
    }

    /// <summary>The project of one recipe.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="screen">Hears of warnings and notes.</param>
    /// <param name="output">Full path of the output folder.</param>
    /// <exception cref="DiagnosticException">An option's value is none.</exception>
    public MergeProject Project(ParseResult parsed, Screen screen, out string output)
    {
        var recipe = Path.GetFullPath(parsed.GetRequiredValue(_recipe), screen.Streams.Folder);
        if (Path.GetExtension(recipe).ToUpperInvariant() is not (".YML" or ".YAML"))
            throw new DiagnosticException(
                DiagnosticCode.RecipeUnreadable,
                $"'{recipe}' is no recipe: their names end in .yml or .yaml. Projects are built by 'dotnet build'.", null);
        output = Path.TrimEndingDirectorySeparator(
            Path.GetFullPath(parsed.GetValue(_output) is { Length: > 0 } own ? own : "merged", screen.Streams.Folder));
        var stages = parsed.GetValue(_intermediate) is { } folder
            ? Path.GetFullPath(folder, screen.Streams.Folder) : output + "-steps";
        return new MergeProject(screen.Streams.Folder, stages)
        {
            Recipe = recipe,
            CacheFolder = _shared.Cache(parsed, screen.Streams),
            CacheUrl = _shared.CacheUrl(parsed),
            CacheReadOnly = _shared.IsCacheReadOnly(parsed),
            Threads = _shared.Threads(parsed),
            Offline = _shared.IsOffline(parsed),
            Warned = screen.Problem,
            Noted = screen.Note,
        }.Merge(recipe, [("OutputDirectory", output), .. Metadata(parsed)]);
    }

    private IEnumerable<(string Name, string Value)> Metadata(ParseResult parsed)
    {
        if (parsed.GetValue(_seed) is { } seed)
            yield return ("Seed", seed);
        if (parsed.GetValue(_shard) is { } size)
            yield return ("MaxShardSize", IsInBillions(size) ? size[..^1] + "GB" : size);
        foreach (var text in parsed.GetValue(_set) ?? [])
        {
            if (text.IndexOf('=', StringComparison.Ordinal) is not (> 0 and var at))
                throw new DiagnosticException(
                    DiagnosticCode.InvalidValue, $"--set '{text}' is no name=value, such as Compatibility=mergekit.", null);
            yield return (text[..at].Trim(), text[(at + 1)..]);
        }
    }

    private static bool IsInBillions(string size) => size.Length > 1 && size[^1] is 'B' or 'b' && char.IsAsciiDigit(size[^2]);
}
