using System.Text.Json;

namespace MergeTasks.Transformers.Configuration;

/// <summary>Texts in JSON files that others wrote.</summary>
internal static class JsonText
{
    /// <summary>The text; null where the value is none.</summary>
    public static string? AsText(this JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
