using System.Text.Json;
using System.Text.Json.Serialization;
using MergeTasks.Files.Json;
using MergeTasks.Library;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace MergeTasks.Tool.Terminal;

/// <summary>Shows results: tables for people, one JSON text for programs.</summary>
/// <param name="streams">Where to.</param>
/// <param name="isJson">Whether the result is JSON; then nothing else goes to the output.</param>
internal sealed class Screen(Streams streams, bool isJson)
{
    // A file or another program breaks no lines.
    private const int Endless = 10_000;

    private static readonly JsonSerializerOptions Options = new(ReadableJson.Options)
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>Where the run writes, and where its relative paths begin.</summary>
    public Streams Streams => streams;

    /// <summary>Whether the result is JSON.</summary>
    public bool IsJson => isJson;

    /// <summary>The result: as JSON, or as it is drawn.</summary>
    /// <param name="value">Written with camel-case names; what is <see langword="null"/> is left out.</param>
    /// <param name="draw">Draws it for people.</param>
    public void Show(object value, Action draw)
    {
        if (isJson)
            streams.Output.Write(JsonSerializer.Serialize(value, Options) + "\n");
        else
            draw();
    }

    /// <summary>A line for people.</summary>
    public void Line(string text = "") => streams.Output.Write(text + "\n");

    /// <summary>A line for people, beside what was asked for.</summary>
    public void Note(string text) => streams.Error.Write(text + "\n");

    /// <summary>A finding, as a compiler writes it.</summary>
    public void Problem(MergeProblem problem) => streams.Error.Write($"{problem} [{problem.HelpLink}]\n");

    /// <summary>The findings that ended a command; with JSON they are its result, too.</summary>
    public void Failed(IReadOnlyList<MergeProblem> problems)
    {
        foreach (var problem in problems)
            Problem(problem);
        if (isJson)
            Show(new { problems }, () => { });
    }

    /// <summary>Names and values, one a line.</summary>
    public void Facts(IEnumerable<(string Name, string? Value)> facts)
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(2)).AddColumn();
        foreach (var (name, value) in facts.Where(fact => fact.Value is { Length: > 0 }))
            grid.AddRow(new Text(name, new Style(decoration: Decoration.Dim)), new Text(value!));
        Draw(grid);
    }

    /// <summary>A table. Columns whose heading begins with <c>#</c>, which is not shown, hold numbers.</summary>
    public void Table(IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        var table = new Table().Border(streams.IsTerminal ? TableBorder.Rounded : TableBorder.Markdown);
        foreach (var column in columns)
        {
            var cell = new TableColumn(new Text(column.TrimStart('#'))).NoWrap();
            table.AddColumn(column.StartsWith('#') ? cell.RightAligned() : cell);
        }

        foreach (var row in rows)
            table.AddRow(row.Select(value => new Text(value)));
        Draw(table);
    }

    // Spaces at the ends of lines are for terminals with a background.
    private void Draw(IRenderable drawing)
    {
        if (streams.IsTerminal)
        {
            AnsiConsole.Write(drawing);
            return;
        }

        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(text),
            Ansi = AnsiSupport.No,
            Interactive = InteractionSupport.No,
        });
        console.Profile.Width = Endless;
        console.Write(drawing);
        foreach (var line in text.ToString().Split('\n').Select(line => line.TrimEnd()).Where(line => line.Length > 0))
            Line(line);
    }
}
