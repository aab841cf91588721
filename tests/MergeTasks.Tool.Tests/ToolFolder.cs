using System.Text.Json;
using MergeTasks.TestSupport;

namespace MergeTasks.Tool.Tests;

/// <summary>A folder with models and a cache of its own, in which the tool is run within this process.</summary>
internal sealed class ToolFolder : IDisposable
{
    private readonly TempFolder _folder = new();

    public string this[params string[] parts] => _folder[parts];

    public string Model(string name, params (string Name, RawTensor Tensor)[] tensors)
    {
        TestCheckpoint.Write(_folder[name], tensors);
        return name;
    }

    public string File(string name, string text)
    {
        System.IO.File.WriteAllText(_folder[name], text);
        return name;
    }

    /// <summary>Runs a command line; those that have a cache get this folder's.</summary>
    public ToolResult Run(params string[] args) => RunIn(_folder.Path, args);

    public ToolResult RunIn(string folder, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        string[] own = args is ["verify" or "--help" or "--version", ..] or [] || args[0].StartsWith('[') || args.Contains("--help")
            ? [] : ["--cache", _folder["cache"]];
        var code = ToolRun.Run([.. args, .. own], output, error, folder);
        return new ToolResult(code, output.ToString(), error.ToString());
    }

    public void Dispose() => _folder.Dispose();
}

/// <summary>What a run of the tool ended with.</summary>
internal sealed record ToolResult(int Code, string Output, string Error)
{
    /// <summary>The result of <c>--json</c>; all of the output.</summary>
    public JsonElement Json
    {
        get
        {
            using var json = JsonDocument.Parse(Output);
            return json.RootElement.Clone();
        }
    }
}
