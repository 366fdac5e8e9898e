/** docker-registry takes no blob by one request: it gives a place for it instead. */
export const inTwoSteps: typeof fetch = async (input, init) => {
  const response = await fetch(input, init)
  if (response.status !== 202) return response
  const place = new URL(response.headers.get('location') ?? '', String(input))
  place.searchParams.set('digest', new URL(String(input)).searchParams.get('digest') ?? '')
  return await fetch(place, { ...init, method: 'PUT' })
}
