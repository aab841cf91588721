using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace MergeTasks.Language.Reference;

/// <summary>How generated JSON is written.</summary>
internal static class ReferenceJson
{
    // Readable quotes and Greek letters: the files are no part of a web page.
    private static readonly JsonSerializerOptions Options = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NewLine = "\n"
    };

    public static string Text(JsonNode node) => node.ToJsonString(Options) + "\n";
}
