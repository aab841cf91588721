using System.Text.Json;
using System.Text.Json.Serialization;

namespace MergeTasks.Files.Json;

/// <summary>
/// Small files that this project writes for itself and reads again. They lie where anybody may edit, copy or damage them, so nothing in
/// them is believed that is not complete: what is not there counts as damaged.
/// </summary>
internal static class RecordFile
{
    /// <summary>How they are written and read.</summary>
    public static JsonSerializerOptions Options { get; } = Frozen();

    /// <summary>The bytes of a record.</summary>
    public static byte[] ToBytes<T>(T record) => JsonSerializer.SerializeToUtf8Bytes(record, Options);

    /// <summary>Reads a record.</summary>
    /// <exception cref="FileFault">It is missing or damaged.</exception>
    public static T Read<T>(string path) => StrictJson.Read<T>(path, Options);

    private static JsonSerializerOptions Frozen()
    {
        var options = new JsonSerializerOptions
        {
            MaxDepth = JsonText.MaxDepth,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        };
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }
}
