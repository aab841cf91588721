using System.Text.Json;

namespace MergeTasks.Transformers.Configuration;

/// <summary>Texts in JSON files that others wrote.</summary>
internal static class JsonText
{
    /// <summary>The text; null where the value is none, or spells half of a surrogate pair, which JSON allows and which is no text.</summary>
    public static string? AsText(this JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
